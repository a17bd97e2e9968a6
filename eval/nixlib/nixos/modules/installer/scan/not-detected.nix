# The module of the same name in the embedded library.
import ../../../../modules/installer/scan/not-detected.nix
