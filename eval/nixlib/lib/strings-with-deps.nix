# Pieces of text that come after others: activation scripts and the like.
{ lib }:
let
  inherit (builtins) concatStringsSep foldl';
in
{
  /**
    The texts of the named pieces and of all they depend on, each once and after its dependencies.
  */
  textClosureList =
    pieces: names:
    let
      visit =
        state: name:
        if state.done ? ${name} then
          state
        else
          let
            piece = pieces.${name};
            before = foldl' visit (state // { done = state.done // { ${name} = true; }; }) piece.deps;
          in
          before // { texts = before.texts ++ [ piece.text ]; };
      add =
        state: entry:
        # A piece may also stand for itself.
        if builtins.isAttrs entry then
          let
            before = foldl' add state entry.deps;
          in
          before // { texts = before.texts ++ [ entry.text ]; }
        else
          visit state entry;
    in
    (foldl' add {
      done = { };
      texts = [ ];
    } names).texts;

  /**
    As `textClosureList`, each text mapped, joined by newlines.
  */
  textClosureMap =
    f: pieces: names:
    concatStringsSep "\n" (map f (lib.textClosureList pieces names));

  /**
    A text without dependencies.
  */
  noDepEntry = text: {
    inherit text;
    deps = [ ];
  };

  /**
    A text with the names that come before it.
  */
  fullDepEntry = text: deps: { inherit text deps; };

  /**
    Names to be taken together, without a text.
  */
  packEntry = deps: {
    inherit deps;
    text = "";
  };

  /**
    As `fullDepEntry`, with the arguments swapped.
  */
  stringAfter = deps: text: { inherit text deps; };
}
