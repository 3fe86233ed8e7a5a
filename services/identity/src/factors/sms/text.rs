//! The words of messages.

use super::LIFETIME;

/// The most letters of a tenant's name, so that a message stays one message.
const NAME: usize = 40;

/// The message with a code, in a language, or in English.
pub fn write(language: &str, tenant: &str, code: &str) -> String {
    let tenant: String = tenant
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(NAME)
        .collect();
    let minutes = LIFETIME.as_secs() / 60;
    match language.split('-').next() {
        Some("de") => format!(
            "{code} ist Ihr Code für {tenant}. Er gilt {minutes} Minuten. Geben Sie ihn niemandem weiter."
        ),
        _ => format!(
            "{code} is your code for {tenant}. It is good for {minutes} minutes. Tell it to nobody."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::write;

    #[test]
    fn a_message_is_one_line_whatever_the_tenant_is_called() {
        let text = write("en", &format!("Acme\r\n{}", "x".repeat(500)), "123456");
        assert!(
            text.starts_with("123456 is your code for Acme  xxx"),
            "{text}"
        );
        assert!(
            text.chars().count() < 160 && !text.contains(char::is_control),
            "{text}"
        );
        assert!(write("de-AT", "Acme", "123456").starts_with("123456 ist Ihr Code für Acme"));
        assert!(write("fr", "Acme", "123456").starts_with("123456 is your code"));
    }
}
