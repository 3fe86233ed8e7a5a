//! What an address must look like, said so that one can put it right.

/// What is wrong with an address; `None` where nothing is. As RFC 5321 section
/// 4.1.2 without quoted local parts, with its lengths (section 4.5.3.1), and
/// host names as in RFC 1123 section 2.1.
pub fn fault(address: &str) -> Option<&'static str> {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return Some("has no @");
    };
    let atoms = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    match () {
        () if local.is_empty() => Some("has nothing before the @"),
        () if domain.is_empty() => Some("has nothing after the @"),
        () if local.len() > 64 => Some("has more than 64 characters before the @"),
        () if address.len() > 254 => Some("has more than 254 characters"),
        () if local.contains('@') => Some("has more than one @"),
        () if address.contains(char::is_whitespace) => Some("has a space in it"),
        () if !local.chars().all(atoms) => {
            Some("has a character before the @ that addresses cannot have")
        }
        () if local.split('.').any(str::is_empty) => {
            Some("has a dot at an end of the part before the @, or two in a row")
        }
        () if !domain.split('.').all(label) => Some("has no valid host name after the @"),
        () => None,
    }
}

/// Whether an address is on one of these domains, which are in lower case.
pub fn is_on(address: &str, domains: &[String]) -> bool {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    domains.iter().any(|one| domain.eq_ignore_ascii_case(one))
}

fn label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}
