# Looking at values during evaluation, and tests of functions.
{ lib }:
let
  inherit (builtins)
    concatLists
    deepSeq
    isAttrs
    isList
    mapAttrs
    substring
    trace
    tryEval
    ;
  inherit (lib) generators id;

  # A value cut off below a depth, functions and derivations as words.
  cut =
    depth: v:
    let
      short = s: {
        val = s;
        __pretty = x: x;
      };
    in
    if isList v then
      (if depth == 0 then short "[…]" else map (cut (depth - 1)) v)
    else if isAttrs v && !lib.isDerivation v && !(v ? __functor) then
      (if depth == 0 then short "{…}" else mapAttrs (_: cut (depth - 1)) v)
    else
      v;
in
{
  inherit (builtins) addErrorContext trace unsafeGetAttrPos;

  /**
    Prints a message if the condition holds, and returns the value.
  */
  traceIf = condition: message: x: if condition then trace message x else x;

  /**
    Prints what a function makes of a value, and returns the value.
  */
  traceValFn = f: x: trace (f x) x;

  /**
    Prints a value and returns it.
  */
  traceVal = lib.traceValFn id;

  /**
    Prints a value evaluated deeply, and returns another one.
  */
  traceSeq = x: y: trace (deepSeq x x) y;

  /**
    Prints a value down to a depth, and returns another one.
  */
  traceSeqN =
    depth: x: y:
    let
      shown = generators.toPretty { allowPrettyValues = true; } (cut depth x);
    in
    trace (deepSeq shown shown) y;

  /**
    Prints what a function makes of a value, evaluated deeply, and returns the value.
  */
  traceValSeqFn = f: v: lib.traceValFn f (deepSeq v v);

  /**
    Prints a value evaluated deeply, and returns it.
  */
  traceValSeq = lib.traceValSeqFn id;

  /**
    Prints what a function makes of a value, down to a depth, and returns the value.
  */
  traceValSeqNFn =
    f: depth: v:
    lib.traceSeqN depth (f v) v;

  /**
    Prints a value down to a depth, and returns it.
  */
  traceValSeqN = lib.traceValSeqNFn id;

  /**
    Prints argument and result of a function each time it is called.
  */
  traceFnSeqN =
    depth: name: f: v:
    let
      result = f v;
    in
    lib.traceSeqN (depth + 1) {
      fn = name;
      from = v;
      to = result;
    } result;

  /**
    Runs tests `{ expr; expected; }` whose names begin with "test"; lists those that fail.
  */
  runTests =
    tests:
    concatLists (
      lib.mapAttrsToList (
        name: test:
        let
          chosen = tests.tests or [ ] == [ ] || builtins.elem name tests.tests;
          isTest = substring 0 4 name == "test" || builtins.elem name (tests.tests or [ ]);
          wanted = if test ? expectedError then { success = false; } else { value = test.expected; };
          got =
            if test ? expectedError then
              { inherit (tryEval (deepSeq test.expr test.expr)) success; }
            else
              { value = test.expr; };
        in
        lib.optional (chosen && isTest && got != wanted) (
          { inherit name; }
          // lib.optionalAttrs (test ? expected) {
            inherit (test) expected;
            result = test.expr;
          }
        )
      ) (builtins.removeAttrs tests [ "tests" ])
    );

  /**
    A test that all booleans of a list are true.
  */
  testAllTrue = expr: {
    inherit expr;
    expected = map (_: true) expr;
  };
}
