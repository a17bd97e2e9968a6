# `<nix/fetchurl.nix>`: a file from the network, fetched by the store itself and known by its hash.
#
# The hash is given as `hash` (SRI), or by an older attribute named like its algorithm.
let
  # Returns the attribute of the first hash that is given, SHA-256 if none is.
  pick =
    what: hashes:
    let
      given = builtins.filter (candidate: candidate.value != "") hashes;
      chosen = given ++ [ { algorithm = "sha256"; value = ""; } ];
    in
    (builtins.head chosen).${what};

  candidates = hash: sha512: sha1: md5: sha256: [
    { algorithm = ""; value = hash; }
    { algorithm = "sha512"; value = sha512; }
    { algorithm = "sha1"; value = sha1; }
    { algorithm = "md5"; value = md5; }
    { algorithm = "sha256"; value = sha256; }
  ];
in
{
  url,
  name ? baseNameOf (toString url),
  hash ? "",
  sha512 ? "",
  sha1 ? "",
  md5 ? "",
  sha256 ? "",
  outputHash ? pick "value" (candidates hash sha512 sha1 md5 sha256),
  outputHashAlgo ? pick "algorithm" (candidates hash sha512 sha1 md5 sha256),
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
