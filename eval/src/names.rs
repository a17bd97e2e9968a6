//! Attribute names that the language itself gives a meaning, interned once.

use std::sync::LazyLock;

use crate::heap::Symbol;

/// Declares the names: a field each, with the text it stands for.
macro_rules! names {
    ($($(#[$doc:meta])* $field:ident = $text:literal;)*) => {
        /// The names with a meaning; see [`names`].
        pub struct Names {
            $($(#[$doc])* pub $field: Symbol,)*
        }

        static NAMES: LazyLock<Names> = LazyLock::new(|| {
            for name in FIRST.split_whitespace() {
                Symbol::intern(name.as_bytes());
            }
            Names { $($field: Symbol::intern($text.as_bytes()),)* }
        });
    };
}

/// The names that the reference implementation knows before it reads anything, in its order.
///
/// It goes through a set in the order in which it met the names: of several attributes that
/// fail, this decides which one it reports.
const FIRST: &str = "\
    outPath drvPath type meta name value system __overrides outputs outputName __ignoreNulls file
    line column __functor __toString right wrong __structuredAttrs __json allowedReferences
    allowedRequisites disallowedReferences disallowedRequisites maxSize maxClosureSize builder
    args __contentAddressed __impure outputHash outputHashAlgo outputHashMode
    recurseForDerivations description self startSet operator key path prefix outputSpecified
    requiredSystemFeatures __sub __lessThan __mul __div or __findFile __nixPath body builtins true
    false null __currentTime currentTime __currentSystem currentSystem __nixVersion nixVersion
    __storeDir storeDir __langVersion langVersion __traceVerbose traceVerbose nixPath scopedImport
    import __typeOf typeOf isNull __isFunction isFunction __isInt isInt __isFloat isFloat
    __isString isString __isBool isBool __isPath isPath __genericClosure genericClosure break
    abort throw __addErrorContext addErrorContext __ceil ceil __floor floor __tryEval tryEval
    __getEnv getEnv __seq seq __deepSeq deepSeq __trace trace __warn warn derivationStrict
    placeholder __toPath toPath __storePath storePath __pathExists pathExists baseNameOf dirOf
    __readFile readFile findFile __hashFile hashFile __readFileType readFileType __readDir readDir
    __toXML toXML __toJSON toJSON __fromJSON fromJSON __toFile toFile __filterSource filterSource
    __path __attrNames attrNames __attrValues attrValues __getAttr getAttr __unsafeGetAttrPos
    unsafeGetAttrPos __hasAttr hasAttr __isAttrs isAttrs removeAttrs __listToAttrs listToAttrs
    __intersectAttrs intersectAttrs __catAttrs catAttrs __functionArgs functionArgs __mapAttrs
    mapAttrs __zipAttrsWith zipAttrsWith __isList isList __elemAt elemAt __head head __tail tail
    map __filter filter __elem elem __concatLists concatLists __length length __foldl' foldl'
    __any any __all all __genList genList __sort sort __partition partition __groupBy groupBy
    __concatMap concatMap __add add sub mul div __bitAnd bitAnd __bitOr bitOr __bitXor bitXor
    lessThan toString __substring substring __stringLength stringLength __hashString hashString
    __convertHash convertHash __match match __split split __concatStringsSep concatStringsSep
    __replaceStrings replaceStrings __parseDrvName parseDrvName __compareVersions compareVersions
    __splitVersion splitVersion __unsafeDiscardStringContext unsafeDiscardStringContext
    __hasContext hasContext __unsafeDiscardOutputDependency unsafeDiscardOutputDependency
    __addDrvOutputDependencies addDrvOutputDependencies __getContext getContext __appendContext
    appendContext fetchMercurial __fetchurl fetchurl fetchTarball fetchGit fromTOML __getFlake
    getFlake __parseFlakeRef parseFlakeRef __flakeRefToString flakeRefToString derivation";

names! {
    /// `__toString`: a set with it coerces to what it returns.
    to_string = "__toString";
    /// `__functor`: a set with it can be called.
    functor = "__functor";
    /// `outPath`: a set with it coerces to it.
    out_path = "outPath";
    /// `drvPath`, of derivations.
    drv_path = "drvPath";
    /// `type`, which is `"derivation"` in derivations.
    r#type = "type";
    /// `outputs`, of derivations.
    outputs = "outputs";
    /// `outputName`, of derivations.
    output_name = "outputName";
    /// `name`.
    name = "name";
    /// `value`.
    value = "value";
    /// `key`, of `genericClosure`.
    key = "key";
    /// `path`.
    path = "path";
    /// `prefix`.
    prefix = "prefix";
    /// `version`.
    version = "version";
    /// `right`, of `partition`.
    right = "right";
    /// `wrong`, of `partition`.
    wrong = "wrong";
    /// `success`, of `tryEval`.
    success = "success";
    /// `startSet`, of `genericClosure`.
    start_set = "startSet";
    /// `operator`, of `genericClosure`.
    operator = "operator";
}

/// Returns the names with a meaning.
#[inline]
pub fn names() -> &'static Names {
    &NAMES
}
