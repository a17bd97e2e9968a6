# Accounts. The files of /etc that hold them are written at activation, because numbers that are not
# declared depend on the accounts that are there.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  inherit (builtins) attrValues filter;
  cfg = config.users;
  ids = config.ids;
  quote = lib.strings.escapeNixIdentifier;

  secret =
    description: extra:
    mkOption (
      {
        type = types.nullOr types.str;
        default = null;
        inherit description;
      }
      // extra
    );

  userModule =
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
          description = "Whether there is such a user. This allows to drop what another module adds.";
        };

        name = mkOption {
          type = types.passwdEntry types.str;
          description = "Name of the user. Defaults to the attribute name.";
        };

        description = mkOption {
          type = types.passwdEntry types.str;
          default = "";
          example = "Alice Q. User";
          description = "Full name, or what the account is for.";
        };

        uid = mkOption {
          type = types.nullOr types.int;
          default = null;
          description = "Number of the user. If null, a free one is taken at activation.";
        };

        isSystemUser = mkOption {
          type = types.bool;
          default = false;
          description = ''
            Whether the account is a service's: its number is then taken from those below 1000, and it
            gets no home and no shell. Either this or `isNormalUser` must be set.
          '';
        };

        isNormalUser = mkOption {
          type = types.bool;
          default = false;
          description = ''
            Whether the account is a person's: it gets the group `users`, a directory in `/home`, and the
            default shell. Either this or `isSystemUser` must be set.
          '';
        };

        group = mkOption {
          type = types.str;
          default = "";
          example = "users";
          description = "First group of the user.";
        };

        extraGroups = mkOption {
          type = types.listOf types.str;
          default = [ ];
          example = [ "wheel" ];
          description = "Further groups of the user.";
        };

        home = mkOption {
          type = types.passwdEntry types.path;
          default = "/var/empty";
          description = "Home directory.";
        };

        homeMode = mkOption {
          type = types.strMatching "[0-7]{1,5}";
          default = "700";
          description = "Permissions of the home directory, in octal.";
        };

        createHome = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the home directory is made if it is missing.";
        };

        shell = mkOption {
          type = types.nullOr (types.either types.shellPackage (types.passwdEntry types.path));
          default = "${pkgs.shadow}/bin/nologin";
          defaultText = lib.literalExpression "\"\${pkgs.shadow}/bin/nologin\"";
          example = lib.literalExpression "pkgs.zsh";
          description = ''
            Login shell: a package, which everybody then has, or a path. Null is the default of programs.
          '';
        };

        useDefaultShell = mkOption {
          type = types.bool;
          default = false;
          description = "Whether the shell is `users.defaultUserShell`.";
        };

        packages = mkOption {
          type = types.listOf types.package;
          default = [ ];
          example = lib.literalExpression "[ pkgs.git ]";
          description = "Packages that only this user has, below `/etc/profiles/per-user`.";
        };

        linger = mkOption {
          type = types.bool;
          default = false;
          description = "Whether services of the user run also while the user is not logged in.";
        };

        hashedPassword = secret ''
          Password as a hash, such as `mkpasswd` prints. `!` lets nobody in with a password. While
          accounts are mutable it only counts when the account is made.
        '' { };
        password = secret ''
          Password as it is. It can be read by everybody in the store: for tests only. While accounts
          are mutable it only counts when the account is made.
        '' { };
        hashedPasswordFile = secret ''
          File on the machine with the password as a hash, which is read at activation.
        '' { example = "/run/keys/alice-password"; };
        initialHashedPassword = secret ''
          Password of a new account, as a hash. The empty one lets everybody in at a terminal.
        '' { };
        initialPassword = secret ''
          Password of a new account, as it is. It can be read by everybody in the store.
        '' { };
      };

      config = lib.mkMerge [
        {
          name = lib.mkDefault name;
          shell = lib.mkIf config.useDefaultShell (lib.mkDefault cfg.defaultUserShell);
        }
        (lib.mkIf config.isNormalUser {
          group = lib.mkDefault "users";
          createHome = lib.mkDefault true;
          home = lib.mkDefault "/home/${config.name}";
          homeMode = lib.mkDefault "700";
          useDefaultShell = lib.mkDefault true;
        })
      ];
    };

  groupModule =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.passwdEntry types.str;
          description = "Name of the group. Defaults to the attribute name.";
        };

        gid = mkOption {
          type = types.nullOr types.int;
          default = null;
          description = "Number of the group. If null, a free one is taken at activation.";
        };

        members = mkOption {
          type = types.listOf (types.passwdEntry types.str);
          default = [ ];
          description = "Users that are in the group, besides those that name it themselves.";
        };
      };

      config.name = lib.mkDefault name;
    };

  users = filter (user: user.enable) (attrValues cfg.users);
  groups = attrValues cfg.groups;

  noLogin = "${pkgs.shadow}/bin/nologin";
  shellOf = user: if user.shell == null then "" else utils.toShellPath user.shell;

  userRecord = user: {
    inherit (user)
      name
      uid
      group
      isSystemUser
      description
      home
      createHome
      homeMode
      hashedPassword
      initialHashedPassword
      password
      initialPassword
      hashedPasswordFile
      extraGroups
      ;
    automaticUid = user.uid == null;
    shell = shellOf user;
  };
  groupRecord = group: {
    inherit (group) name gid members;
    automaticGid = group.gid == null;
  };

  duplicates =
    key: values:
    let
      keys = filter (x: x != null) (map (value: value.${key}) values);
    in
    map toString (lib.unique (filter (x: lib.count (y: x == y) keys > 1) keys));
  noDuplicates = what: option: found: {
    assertion = cfg.enforceIdUniqueness -> found == [ ];
    message = "${what} must be unique: ${lib.concatStringsSep ", " found} ${option}";
  };

  isLoggedInto =
    user:
    let
      isSet = hash: hash != null && hash != "!" && hash != "*";
      keys = user.openssh.authorizedKeys or {
        keys = [ ];
        keyFiles = [ ];
      };
    in
    (user.name == "root" || builtins.elem "wheel" ([ user.group ] ++ user.extraGroups))
    && (
      isSet user.hashedPassword
      || user.password != null
      || user.hashedPasswordFile != null
      || keys.keys != [ ]
      || keys.keyFiles != [ ]
    );

  checkUser = user: [
    {
      assertion = lib.xor user.isSystemUser user.isNormalUser || user.uid == 0;
      message = ''
        Exactly one of users.users.${quote user.name}.isSystemUser and users.users.${quote user.name}.isNormalUser must be set.
      '';
    }
    {
      assertion = user.group != "";
      message = ''
        users.users.${quote user.name}.group is unset. This used to default to
        nogroup, but this is unsafe. For example you can create a group
        for this user with:
        users.users.${quote user.name}.group = "${user.name}";
        users.groups.${quote user.name} = {};
      '';
    }
    {
      assertion = user.hashedPassword == null || builtins.match ".*[:\n].*" user.hashedPassword == null;
      message = ''
        The password hash of user "${user.name}" contains a ":" or a newline, which would lock the account.
      '';
    }
  ];

  passwordOptions = [
    "hashedPassword"
    "hashedPasswordFile"
    "initialHashedPassword"
    "initialPassword"
    "password"
  ];
  warnUser =
    user:
    let
      given = filter (option: user.${option} != null) passwordOptions;
    in
    lib.optional (
      lib.length given > 1 && !(user.name == "root" && lib.length given == 2 && user.initialHashedPassword == "!")
    ) "The user '${user.name}' has multiple of the options ${
      lib.concatMapStringsSep ", " (option: "`${option}`") given
    } set; which one counts is hard to see. Set only one of them.";

  perUser = filter (user: user.packages != [ ]) users;
  isShellPackage = user: user.shell != null && types.shellPackage.check user.shell;
in
{
  imports = [
    (lib.mkAliasOptionModule [ "users" "extraUsers" ] [ "users" "users" ])
    (lib.mkAliasOptionModule [ "users" "extraGroups" ] [ "users" "groups" ])
  ];

  options.users = {
    mutableUsers = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether accounts may also be made and changed by hand, as with `useradd` and `passwd`. If not,
        accounts that are not declared go at the next activation, and passwords are reset.
      '';
    };

    enforceIdUniqueness = mkOption {
      type = types.bool;
      default = true;
      description = "Whether two accounts with the same number are an error.";
    };

    users = mkOption {
      type = types.attrsOf (types.submodule userModule);
      default = { };
      example = lib.literalExpression ''
        {
          alice = {
            isNormalUser = true;
            extraGroups = [ "wheel" ];
          };
        }
      '';
      description = "Users of the system, by name.";
    };

    groups = mkOption {
      type = types.attrsOf (types.submodule groupModule);
      default = { };
      example = {
        students.gid = 1001;
      };
      description = "Groups of the system, by name.";
    };

    defaultUserShell = mkOption {
      type = types.either types.path types.shellPackage;
      default = pkgs.bashInteractive;
      defaultText = lib.literalExpression "pkgs.bashInteractive";
      example = lib.literalExpression "pkgs.zsh";
      description = "Login shell of the users that do not say otherwise.";
    };

    allowNoPasswordLogin = mkOption {
      type = types.bool;
      default = false;
      description = "Whether it is fine that nobody can log in as root or as a member of `wheel`.";
    };
  };

  config = {
    users.users = {
      root = {
        uid = ids.uids.root;
        description = "System administrator";
        home = "/root";
        shell = lib.mkDefault cfg.defaultUserShell;
        group = "root";
        initialHashedPassword = lib.mkDefault "!";
      };
      nobody = {
        uid = ids.uids.nobody;
        isSystemUser = true;
        description = "Unprivileged account (don't use!)";
        group = "nogroup";
      };
    };

    users.groups = lib.genAttrs [
      "root"
      "wheel"
      "disk"
      "kmem"
      "tty"
      "floppy"
      "uucp"
      "lp"
      "cdrom"
      "tape"
      "audio"
      "video"
      "dialout"
      "nogroup"
      "users"
      "utmp"
      "adm"
      "input"
      "kvm"
      "render"
      "shadow"
      "systemd-journal"
    ] (name: { gid = ids.gids.${name}; });

    environment.shells = map utils.toShellPath (
      filter (shell: shell != null && shell != noLogin) (map (user: user.shell) users)
    );

    environment.systemPackages = map (user: user.shell) (filter isShellPackage users);

    environment.etc = lib.listToAttrs (
      map (
        user:
        lib.nameValuePair "profiles/per-user/${user.name}" {
          source = pkgs.buildEnv {
            name = "user-environment";
            paths = lib.unique user.packages;
          };
        }
      ) perUser
    );
    environment.profiles = lib.mkIf (perUser != [ ]) (lib.mkAfter [ "/etc/profiles/per-user/$USER" ]);

    systemd.tmpfiles.rules = map (user: "f /var/lib/systemd/linger/${user.name} 0644 root root -") (
      filter (user: user.linger) users
    );

    system.activation.hostPrograms = lib.optional (lib.any (user: shellOf user == noLogin) users) {
      package = pkgs.shadow;
      program = "nologin";
    };

    system.activation.record = {
      inherit (cfg) mutableUsers;
      users = map userRecord users;
      groups = map groupRecord groups;
    };

    assertions = [
      (noDuplicates "UIDs" "(users.users.<name>.uid)" (duplicates "uid" users))
      (noDuplicates "GIDs" "(users.groups.<name>.gid)" (duplicates "gid" groups))
      (noDuplicates "Names of users" "(users.users.<name>.name)" (duplicates "name" users))
      (noDuplicates "Names of groups" "(users.groups.<name>.name)" (duplicates "name" groups))
      {
        assertion = cfg.mutableUsers || cfg.allowNoPasswordLogin || lib.any isLoggedInto users;
        message = ''
          Neither the root account nor any wheel user has a password or SSH authorized key.
          You must set one to prevent being locked out of your system.
          If you really want to be locked out of your system, set users.allowNoPasswordLogin = true;
          However you are most probably better off by setting users.mutableUsers = true; and
          manually running passwd root to set the root password.
        '';
      }
    ]
    ++ lib.concatMap checkUser users;

    warnings = lib.concatMap warnUser users;
  };
}
