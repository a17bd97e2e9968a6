# The module of the same name in the embedded library.
import ../../../modules/profiles/headless.nix
