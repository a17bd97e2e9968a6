# Licenses of packages: the ones that configurations name most.
{ lib }:
let
  license =
    shortName: spdxId: fullName: attrs:
    {
      inherit shortName fullName;
      free = true;
      deprecated = false;
      redistributable = true;
    }
    // lib.optionalAttrs (spdxId != null) {
      inherit spdxId;
      url = "https://spdx.org/licenses/${spdxId}.html";
    }
    // attrs;
  unfree = {
    free = false;
    redistributable = false;
  };

  # shortName, SPDX identifier, full name.
  free = {
    afl21 = [ "AFL-2.1" "Academic Free License v2.1" ];
    agpl3Only = [ "AGPL-3.0-only" "GNU Affero General Public License v3.0 only" ];
    agpl3Plus = [ "AGPL-3.0-or-later" "GNU Affero General Public License v3.0 or later" ];
    artistic1 = [ "Artistic-1.0" "Artistic License 1.0" ];
    artistic2 = [ "Artistic-2.0" "Artistic License 2.0" ];
    asl20 = [ "Apache-2.0" "Apache License 2.0" ];
    blueOak100 = [ "BlueOak-1.0.0" "Blue Oak Model License 1.0.0" ];
    boost = [ "BSL-1.0" "Boost Software License 1.0" ];
    bsd0 = [ "0BSD" "BSD Zero Clause License" ];
    bsd2 = [ "BSD-2-Clause" "BSD 2-clause \"Simplified\" License" ];
    bsd3 = [ "BSD-3-Clause" "BSD 3-clause \"New\" or \"Revised\" License" ];
    bsdOriginal = [ "BSD-4-Clause" "BSD 4-clause \"Original\" or \"Old\" License" ];
    cc-by-30 = [ "CC-BY-3.0" "Creative Commons Attribution 3.0" ];
    cc-by-40 = [ "CC-BY-4.0" "Creative Commons Attribution 4.0" ];
    cc-by-sa-30 = [ "CC-BY-SA-3.0" "Creative Commons Attribution Share Alike 3.0" ];
    cc-by-sa-40 = [ "CC-BY-SA-4.0" "Creative Commons Attribution Share Alike 4.0" ];
    cc0 = [ "CC0-1.0" "Creative Commons Zero v1.0 Universal" ];
    cddl = [ "CDDL-1.0" "Common Development and Distribution License 1.0" ];
    curl = [ "curl" "curl License" ];
    epl10 = [ "EPL-1.0" "Eclipse Public License 1.0" ];
    epl20 = [ "EPL-2.0" "Eclipse Public License 2.0" ];
    eupl12 = [ "EUPL-1.2" "European Union Public License 1.2" ];
    fdl13Only = [ "GFDL-1.3-only" "GNU Free Documentation License v1.3 only" ];
    fdl13Plus = [ "GFDL-1.3-or-later" "GNU Free Documentation License v1.3 or later" ];
    free = [ null "Unspecified free software license" ];
    gpl1Only = [ "GPL-1.0-only" "GNU General Public License v1.0 only" ];
    gpl1Plus = [ "GPL-1.0-or-later" "GNU General Public License v1.0 or later" ];
    gpl2Only = [ "GPL-2.0-only" "GNU General Public License v2.0 only" ];
    gpl2Plus = [ "GPL-2.0-or-later" "GNU General Public License v2.0 or later" ];
    gpl3Only = [ "GPL-3.0-only" "GNU General Public License v3.0 only" ];
    gpl3Plus = [ "GPL-3.0-or-later" "GNU General Public License v3.0 or later" ];
    hpnd = [ "HPND" "Historic Permission Notice and Disclaimer" ];
    isc = [ "ISC" "Internet Systems Consortium License" ];
    lgpl2Only = [ "LGPL-2.0-only" "GNU Library General Public License v2 only" ];
    lgpl2Plus = [ "LGPL-2.0-or-later" "GNU Library General Public License v2 or later" ];
    lgpl21Only = [ "LGPL-2.1-only" "GNU Lesser General Public License v2.1 only" ];
    lgpl21Plus = [ "LGPL-2.1-or-later" "GNU Lesser General Public License v2.1 or later" ];
    lgpl3Only = [ "LGPL-3.0-only" "GNU Lesser General Public License v3.0 only" ];
    lgpl3Plus = [ "LGPL-3.0-or-later" "GNU Lesser General Public License v3.0 or later" ];
    libpng = [ "Libpng" "libpng License" ];
    mit = [ "MIT" "MIT License" ];
    mit0 = [ "MIT-0" "MIT No Attribution" ];
    mpl11 = [ "MPL-1.1" "Mozilla Public License 1.1" ];
    mpl20 = [ "MPL-2.0" "Mozilla Public License 2.0" ];
    ncsa = [ "NCSA" "University of Illinois/NCSA Open Source License" ];
    ofl = [ "OFL-1.1" "SIL Open Font License 1.1" ];
    openssl = [ "OpenSSL" "OpenSSL License" ];
    postgresql = [ "PostgreSQL" "PostgreSQL License" ];
    psfl = [ "Python-2.0" "Python Software Foundation License version 2" ];
    publicDomain = [ null "Public Domain" ];
    ruby = [ "Ruby" "Ruby License" ];
    unlicense = [ "Unlicense" "The Unlicense" ];
    vim = [ "Vim" "Vim License" ];
    wtfpl = [ "WTFPL" "Do What The F*ck You Want To Public License" ];
    x11 = [ "X11" "X11 License" ];
    zlib = [ "Zlib" "zlib License" ];
    zpl21 = [ "ZPL-2.1" "Zope Public License 2.1" ];
  };

  # Names that say less than one would like, and what they mean.
  older = {
    agpl3 = "agpl3Only";
    fdl13 = "fdl13Only";
    gpl2 = "gpl2Only";
    gpl3 = "gpl3Only";
    lgpl2 = "lgpl2Only";
    lgpl21 = "lgpl21Only";
    lgpl3 = "lgpl3Only";
  };

  restricted = {
    busl11 = license "busl11" "BUSL-1.1" "Business Source License 1.1" {
      free = false;
      redistributable = true;
    };
    unfree = license "unfree" null "Unfree" unfree;
    unfreeRedistributable = license "unfreeRedistributable" null "Unfree redistributable" {
      free = false;
    };
    unfreeRedistributableFirmware =
      license "unfreeRedistributableFirmware" null "Unfree redistributable firmware"
        { };
  };

  known =
    builtins.mapAttrs (
      name: row: license name (builtins.elemAt row 0) (builtins.elemAt row 1) { }
    ) free
    // restricted;
in
known
// builtins.mapAttrs (name: now: known.${now} // { shortName = name; deprecated = true; }) older
// {
  inherit known;
}
