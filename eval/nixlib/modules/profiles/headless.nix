# A machine without a screen: it does not wait for anybody to read what it shows.
{ lib, ... }:
{
  boot.kernelParams = [
    "panic=1"
    "boot.panic_on_fail"
    "vga=0x317"
    "nomodeset"
  ];
  boot.loader.timeout = lib.mkDefault 0;
}
