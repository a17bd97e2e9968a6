# Assertions with messages.
{ lib }:
{
  /**
    Returns the condition, or fails with a message.
  */
  assertMsg = condition: message: condition || throw message;

  /**
    Fails unless a value is one of a list.
  */
  assertOneOf =
    name: value: allowed:
    lib.assertMsg (builtins.elem value allowed)
      "${name} must be one of ${lib.generators.toPretty { } allowed}, but is: ${lib.generators.toPretty { } value}";

  /**
    Fails unless every value of a list is one of another list.
  */
  assertEachOneOf =
    name: values: allowed:
    lib.assertMsg (lib.all (v: builtins.elem v allowed) values)
      "each element in ${name} must be one of ${lib.generators.toPretty { } allowed}, but is: ${lib.generators.toPretty { } values}";

  /**
    Checks a list of `{ assertion; message; }` and returns the value if all hold.
  */
  checkAssertWarn =
    assertions: warnings: value:
    let
      failed = map (a: a.message) (builtins.filter (a: !a.assertion) assertions);
    in
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (m: "- ${m}") failed}"
    else
      lib.showWarnings warnings value;
}
