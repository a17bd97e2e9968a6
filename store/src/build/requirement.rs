//! Whether this machine can build a derivation at all.

use super::attributes::Attributes;
use crate::derivation::Derivation;
use crate::realise::RealiseOptions;

/// Returns what of the platform, the features or the slots is missing, if something is.
///
/// # Errors
///
/// If the attributes are malformed.
pub(super) fn unmet(
    options: &RealiseOptions,
    printed: &str,
    derivation: &Derivation,
    attributes: &Attributes<'_>,
) -> Result<Option<String>, String> {
    let features = attributes.texts("requiredSystemFeatures")?.unwrap_or_default();
    let system = String::from_utf8_lossy(&derivation.system);
    let is_builtin = derivation.is_builtin();
    let is_known = *system == options.system
        || options.extra_platforms.iter().any(|it| *it == *system)
        || is_builtin;
    let has_features = features.iter().all(|it| options.system_features.contains(it));
    if !is_known || !has_features {
        let mut features = features;
        features.sort();
        let ours: Vec<&str> = options.system_features.iter().map(String::as_str).collect();
        return Ok(Some(format!(
            "a '{system}' with features {{{}}} is required to build '{printed}', but I am a '{}' \
             with features {{{}}}",
            features.join(", "),
            options.system,
            ours.join(", ")
        )));
    }
    if options.max_jobs == 0 && !is_builtin {
        return Ok(Some(format!(
            "unable to start the build of '{printed}': 'max-jobs' is 0 and remote builds are not \
             supported"
        )));
    }
    Ok(None)
}
