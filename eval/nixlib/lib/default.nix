# The library: functions by topic, and the common ones at the top too.
let
  lib = extensible (
    self:
    let
      topic = file: import file { lib = self; };
    in
    {
      ## Topics

      trivial = topic ./trivial.nix;
      fixedPoints = topic ./fixed-points.nix;
      attrsets = topic ./attrsets.nix;
      lists = topic ./lists.nix;
      strings = topic ./strings.nix;
      stringsWithDeps = topic ./strings-with-deps.nix;
      customisation = topic ./customisation.nix;
      derivations = topic ./derivations.nix;
      meta = topic ./meta.nix;
      versions = topic ./versions.nix;
      modules = topic ./modules.nix;
      options = topic ./options.nix;
      types = topic ./types.nix;
      licenses = topic ./licenses.nix;
      systems = topic ./systems.nix;
      cli = topic ./cli.nix;
      gvariant = topic ./gvariant.nix;
      generators = topic ./generators.nix;
      asserts = topic ./asserts.nix;
      debug = topic ./debug.nix;
      misc = topic ./misc.nix;
      path = topic ./path.nix;
      filesystem = topic ./filesystem.nix;
      fileset = topic ./fileset.nix;
      sources = topic ./sources.nix;
      sourceTypes = topic ./source-types.nix;
      platforms = self.systems.doubles;
      flakes = { inherit (builtins) flakeRefToString parseFlakeRef; };
      # Anyone may be a maintainer.
      maintainers = { };
      teams = { };

      ## Common functions

      inherit (builtins)
        convertHash
        fromJSON
        fromTOML
        getContext
        hasContext
        hashString
        parseDrvName
        placeholder
        toFile
        toJSON
        toString
        toXML
        tryEval
        ;
      inherit (self.trivial)
        "or"
        add
        and
        bitAnd
        bitNot
        bitOr
        bitXor
        boolToString
        boolToYesNo
        ceil
        checkListOfEnum
        compare
        concat
        const
        deepSeq
        defaultTo
        div
        flip
        floor
        fromHexString
        functionArgs
        genericClosure
        id
        importJSON
        importTOML
        inNixShell
        inPureEvalMode
        info
        isBool
        isFloat
        isFunction
        isInOldestRelease
        isInt
        lessThan
        mapNullable
        max
        mergeAttrs
        min
        mirrorFunctionArgs
        mod
        mul
        nixpkgsVersion
        oldestSupportedReleaseIsAtLeast
        pathExists
        pipe
        readFile
        seq
        setFunctionArgs
        showWarnings
        splitByAndCompare
        sub
        throwIf
        throwIfNot
        toBaseDigits
        toFunction
        toHexString
        version
        warn
        warnIf
        warnIfNot
        xor
        ;
      inherit (self.fixedPoints)
        composeExtensions
        composeManyExtensions
        converge
        extends
        fix
        fix'
        makeExtensible
        makeExtensibleWithCustomName
        toExtension
        ;
      inherit (self.attrsets)
        attrByPath
        attrNames
        attrVals
        attrValues
        attrsToList
        cartesianProduct
        catAttrs
        chooseDevOutputs
        collect
        concatMapAttrs
        dontRecurseIntoAttrs
        filterAttrs
        filterAttrsRecursive
        foldAttrs
        foldlAttrs
        genAttrs
        genAttrs'
        getAttr
        getAttrFromPath
        getAttrs
        getBin
        getDev
        getFirstOutput
        getInclude
        getLib
        getMan
        getOutput
        getStatic
        hasAttr
        hasAttrByPath
        intersectAttrs
        isAttrs
        isDerivation
        listToAttrs
        mapAttrs
        mapAttrs'
        mapAttrsRecursive
        mapAttrsRecursiveCond
        mapAttrsToList
        mapAttrsToListRecursive
        mapAttrsToListRecursiveCond
        mapCartesianProduct
        matchAttrs
        mergeAttrsList
        nameValuePair
        optionalAttrs
        overrideExisting
        recurseIntoAttrs
        recursiveUpdate
        recursiveUpdateUntil
        removeAttrs
        setAttrByPath
        showAttrPath
        toDerivation
        updateManyAttrsByPath
        zipAttrs
        zipAttrsWith
        zipAttrsWithNames
        ;
      inherit (self.lists)
        all
        allUnique
        any
        compareLists
        concatAttrValues
        concatLists
        concatMap
        count
        crossLists
        drop
        dropEnd
        elem
        elemAt
        filter
        findFirst
        findSingle
        flatten
        fold
        foldl
        foldl'
        foldr
        forEach
        genList
        groupBy
        groupBy'
        head
        ifilter0
        imap0
        imap1
        init
        intersectLists
        isList
        last
        length
        listDfs
        map
        mutuallyExclusive
        naturalSort
        optional
        optionals
        partition
        range
        remove
        replaceElemAt
        replicate
        reverseList
        singleton
        sort
        sortOn
        sublist
        subtractLists
        tail
        take
        takeEnd
        toList
        toposort
        unique
        uniqueStrings
        zipLists
        zipListsWith
        ;
      inherit (self.strings)
        addContextFrom
        appendContext
        cmakeBool
        cmakeFeature
        cmakeOptionType
        concatImapStrings
        concatImapStringsSep
        concatLines
        concatMapAttrsStringSep
        concatMapStrings
        concatMapStringsSep
        concatStrings
        concatStringsSep
        enableFeature
        enableFeatureAs
        escape
        escapeRegex
        escapeShellArg
        escapeShellArgs
        escapeURL
        escapeXML
        fileContents
        fixedWidthNumber
        fixedWidthString
        getName
        getVersion
        hasInfix
        hasPrefix
        hasSuffix
        intersperse
        isStorePath
        isString
        isStringLike
        isValidPosixName
        join
        lowerChars
        makeBinPath
        makeIncludePath
        makeLibraryPath
        makeSearchPath
        makeSearchPathOutput
        match
        mesonBool
        mesonEnable
        mesonOption
        nameFromURL
        optionalString
        removePrefix
        removeSuffix
        replaceString
        replaceStrings
        sanitizeDerivationName
        split
        splitString
        splitStringBy
        stringAsChars
        stringLength
        stringToCharacters
        substring
        toCamelCase
        toInt
        toIntBase10
        toLower
        toSentenceCase
        toShellVar
        toShellVars
        toUpper
        trim
        trimWith
        typeOf
        unsafeDiscardStringContext
        upperChars
        versionAtLeast
        versionOlder
        withFeature
        withFeatureAs
        ;
      inherit (self.stringsWithDeps)
        fullDepEntry
        noDepEntry
        packEntry
        stringAfter
        textClosureList
        textClosureMap
        ;
      inherit (self.customisation)
        callPackageWith
        callPackagesWith
        extendDerivation
        extendMkDerivation
        hydraJob
        makeOverridable
        makeScope
        makeScopeWithSplicing'
        overrideDerivation
        ;
      inherit (self.derivations)
        addDrvOutputDependencies
        lazyDerivation
        optionalDrvAttr
        unsafeDiscardOutputDependency
        warnOnInstantiate
        ;
      inherit (self.generators)
        mkLuaInline
        ;
      inherit (self.meta)
        addMetaAttrs
        appendToName
        dontDistribute
        getExe
        getExe'
        getLicenseFromSpdxId
        getLicenseFromSpdxIdOr
        hiPrio
        hiPrioSet
        licensesSpdx
        lowPrio
        lowPrioSet
        mapDerivationAttrset
        setName
        setPrio
        updateName
        ;
      inherit (self.filesystem)
        baseNameOf
        dirOf
        hashFile
        isPath
        packagesFromDirectoryRecursive
        pathIsDirectory
        pathIsRegularFile
        pathType
        readDir
        readFileType
        ;
      inherit (self.sources)
        canCleanSource
        cleanSource
        cleanSourceFilter
        cleanSourceWith
        commitIdFromGitRepo
        filterSource
        pathHasContext
        pathIsGitRepo
        repoRevToName
        revOrTag
        sourceByRegex
        sourceFilesBySuffices
        ;
      inherit (self.modules)
        applyModuleArgsIfFunction
        dischargeProperties
        doRename
        evalModules
        filterOverrides
        fixMergeModules
        fixupOptionType
        mergeDefinitions
        mergeModules
        mergeModules'
        mergeOptionDecls
        mkAfter
        mkAliasAndWrapDefinitions
        mkAliasDefinitions
        mkAliasOptionModule
        mkAliasOptionModuleMD
        mkAssert
        mkBefore
        mkChangedOptionModule
        mkDefault
        mkDefinition
        mkDerivedConfig
        mkFixStrictness
        mkForce
        mkIf
        mkImageMediaOverride
        mkMerge
        mkMergedOptionModule
        mkOptionDefault
        mkOrder
        mkOverride
        mkRemovedOptionModule
        mkRenamedOptionModule
        mkRenamedOptionModuleWith
        mkVMOverride
        pushDownProperties
        setDefaultModuleLocation
        sortProperties
        unifyModuleSyntax
        ;
      inherit (self.options)
        getFiles
        getValues
        isOption
        literalDocBook
        literalExample
        literalExpression
        literalMD
        mdDoc
        mergeDefaultOption
        mergeEqualOption
        mergeOneOption
        mergeUniqueOption
        mkEnableOption
        mkOption
        mkPackageOption
        mkPackageOptionMD
        mkSinkUndeclaredOptions
        optionAttrSetToDocList
        optionAttrSetToDocList'
        scrubOptionValue
        showFiles
        showOption
        showOptionWithDefLocs
        unknownModule
        ;
      inherit (self.types)
        defaultFunctor
        defaultTypeMerge
        isOptionType
        isType
        mkOptionType
        setType
        ;
      inherit (self.asserts)
        assertMsg
        assertOneOf
        ;
      inherit (self.debug)
        addErrorContext
        runTests
        testAllTrue
        trace
        traceFnSeqN
        traceIf
        traceSeq
        traceSeqN
        traceVal
        traceValFn
        traceValSeq
        traceValSeqFn
        traceValSeqN
        traceValSeqNFn
        unsafeGetAttrPos
        ;
      inherit (self.misc)
        closePropagation
        fakeHash
        fakeSha256
        fakeSha512
        ifEnable
        imap
        maybeAttr
        maybeAttrNullable
        maybeEnv
        mergeAttrsConcatenateValues
        mergeAttrsNoOverride
        mergeAttrsWithFunc
        nixType
        nvs
        setAttr
        uniqList
        ;
      inherit (self.versions)
        compareVersions
        splitVersion
        ;
      inherit (self.flakes) flakeRefToString parseFlakeRef;
    }
  );

  # Like `makeExtensible`, which is itself in the library.
  extensible =
    f:
    let
      self = f self // {
        /**
          The library with an overlay laid over it.
        */
        extend = overlay: lib.makeExtensible (lib.extends overlay f);
      };
    in
    self;
in
lib
