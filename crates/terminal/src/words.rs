//! What is said to people, in their language. Each language has a file with all its texts.

mod en;
mod ko;
mod lang;

pub use en::ENGLISH;
pub use ko::KOREAN;
pub use lang::Lang;

/// All languages.
static ALL: [&Lang; 2] = [&ENGLISH, &KOREAN];

/// The language of messages by the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG`
/// that is not empty decides. English, if it is none of the languages there are.
pub fn lang(variable: impl Fn(&str) -> Option<String>) -> &'static Lang {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let code = set.as_deref().and_then(|value| value.split('_').next());
    let found = ALL.into_iter().find(|lang| Some(lang.code) == code);
    found.unwrap_or(&ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_the_language() {
        for (set, lang) in [
            (vec![], &ENGLISH),
            (vec![("LANG", "ko_KR.UTF-8")], &KOREAN),
            (
                vec![("LANG", "ko_KR.UTF-8"), ("LC_ALL", "en_GB.UTF-8")],
                &ENGLISH,
            ),
            (
                vec![("LANG", "C"), ("LC_ALL", ""), ("LC_MESSAGES", "ko")],
                &KOREAN,
            ),
            (vec![("LANG", "kok_IN")], &ENGLISH),
        ] {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(super::lang(variable).code, lang.code, "{set:?}");
        }
    }
}
