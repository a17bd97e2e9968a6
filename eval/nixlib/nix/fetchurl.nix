# `<nix/fetchurl.nix>`: a file that the store fetches; `hash` is SRI, older ones name an algorithm.
{
  url,
  name ? baseNameOf (toString url),
  hash ? "",
  sha512 ? "",
  sha1 ? "",
  md5 ? "",
  sha256 ? "",
  # The first that is given.
  outputHash ? builtins.head (
    builtins.filter (it: it != "") [ hash sha512 sha1 md5 sha256 ] ++ [ "" ]
  ),
  outputHashAlgo ?
    if hash != "" then
      ""
    else
      let
        older = { inherit sha512 sha1 md5; };
        given = builtins.filter (algorithm: older.${algorithm} != "") [ "sha512" "sha1" "md5" ];
      in
      builtins.head (given ++ [ "sha256" ]),
  executable ? false,
  unpack ? false,
  impure ? false,
  system ? "", # Not used; old callers give it.
}:

derivation (
  {
    inherit name url executable unpack;
    builder = "builtin:fetchurl";
    system = "builtin";
    outputHashMode = if unpack || executable then "recursive" else "flat";
    preferLocalBuild = true;
    impureEnvVars = [
      "http_proxy"
      "https_proxy"
      "ftp_proxy"
      "all_proxy"
      "no_proxy"
    ];
    # What prefetching reads.
    urls = [ url ];
  }
  // (if impure then { __impure = true; } else { inherit outputHash outputHashAlgo; })
)
