//! Time-based one-time codes: RFC 6238 with SHA-1, six digits and 30 seconds,
//! which is what authenticators can do.

use qrcode::{Color, QrCode};
use rpc::Error;
use totp_rs::{Builder, Secret};

const STEP: u64 = 30;

/// Pixels of a module of a QR image, a side.
const MODULE: usize = 4;
/// Modules of white around it (ISO/IEC 18004).
const QUIET: usize = 4;

/// Letters of the name of a tenant in a URI, which has it twice.
const ISSUER: usize = 50;
/// Letters of the name of a user in a URI.
const ACCOUNT: usize = 80;

/// A fresh secret of 160 bits (RFC 4226, section 4).
pub fn secret() -> Secret {
    Secret::generate()
}

/// The step whose code this is, at a time in Unix seconds. One step earlier
/// and later is taken too, for clocks that differ and people who type slowly
/// (RFC 6238, section 5.2).
pub fn step_of(secret: &[u8], code: &str, now: i64) -> Result<Option<i64>, Error> {
    let totp = builder(secret).build()?;
    let Ok(now) = u64::try_from(now) else {
        return Ok(None);
    };
    Ok(totp
        .check(code, now)
        .and_then(|step| i64::try_from(step).ok()))
}

/// The secret as an otpauth URI, for a QR image. Long names are cut: whatever
/// their letters are, the image has room for them.
pub fn uri(secret: &[u8], issuer: &str, account: &str) -> Result<String, Error> {
    // A colon separates the two in the URI, so neither can have one.
    let plain = |text: &str, most: usize| -> String {
        let text = text.chars().take(most);
        text.map(|c| if c == ':' { ' ' } else { c }).collect()
    };
    let totp = builder(secret)
        .with_issuer(Some(plain(issuer, ISSUER)))
        .with_account_name(plain(account, ACCOUNT))
        .build()?;
    Ok(totp.to_url()?)
}

/// The URI as a QR image, a PNG: black on white, one bit a pixel.
pub fn image(uri: &str) -> Result<Vec<u8>, Error> {
    let code = QrCode::new(uri)?;
    let modules = code.width() + 2 * QUIET;
    let side = modules * MODULE;
    let dark = |at: usize| {
        (at / MODULE)
            .checked_sub(QUIET)
            .filter(|at| *at < code.width())
    };
    let mut pixels = vec![0xff_u8; side * side.div_ceil(8)];
    for (row, line) in pixels.chunks_mut(side.div_ceil(8)).enumerate() {
        for column in 0..side {
            if let (Some(x), Some(y)) = (dark(column), dark(row))
                && code[(x, y)] == Color::Dark
            {
                line[column / 8] &= !(0x80 >> (column % 8));
            }
        }
    }
    let mut file = Vec::new();
    let mut png = png::Encoder::new(&mut file, u32::try_from(side)?, u32::try_from(side)?);
    png.set_color(png::ColorType::Grayscale);
    png.set_depth(png::BitDepth::One);
    png.write_header()?.write_image_data(&pixels)?;
    Ok(file)
}

fn builder(secret: &[u8]) -> Builder {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use totp_rs::Totp;

    use super::*;

    /// The secret of the test vectors of RFC 6238, appendix B.
    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ];
        for (time, code) in vectors {
            assert_eq!(
                step_of(RFC, code, time).expect("it checks"),
                Some(time / 30),
                "{time}"
            );
            assert_eq!(
                step_of(RFC, code, time + 30).expect("it checks"),
                Some(time / 30),
                "{time} late"
            );
            assert_eq!(
                step_of(RFC, code, time + 60).expect("it checks"),
                None,
                "{time} too late"
            );
        }
    }

    #[test]
    fn the_uri_names_tenant_and_user() {
        let uri = uri(RFC, "Acme: GmbH", "ada@example.org").expect("it is made");
        assert!(uri.starts_with("otpauth://totp/"), "{uri}");
        assert!(uri.contains("issuer=Acme%20%20GmbH"), "{uri}");
        assert!(
            uri.contains("ada%40example.org") || uri.contains("ada@example.org"),
            "{uri}"
        );
    }

    #[test]
    fn the_image_shows_the_modules_of_the_code() {
        let uri = uri(RFC, "Acme", "ada@example.org").expect("it is made");
        let file = image(&uri).expect("it is drawn");
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("an image");
        let code = QrCode::new(&uri).expect("a code");
        let modules = code.width() + 2 * QUIET;
        assert_eq!((info.width, info.height), {
            let side = u32::try_from(modules * MODULE).expect("small");
            (side, side)
        });
        for (row, line) in pixels.chunks(info.line_size).enumerate() {
            for column in 0..modules * MODULE {
                let black = line[column / 8] & (0x80 >> (column % 8)) == 0;
                let at = |pixel: usize| (pixel / MODULE).wrapping_sub(QUIET);
                let (x, y) = (at(column), at(row));
                let inside = x < code.width() && y < code.width();
                assert_eq!(
                    black,
                    inside && code[(x, y)] == Color::Dark,
                    "{column},{row}"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Whatever tenants and users are called, an authenticator reads the same.
        #[test]
        fn fuzz_any_names_come_back_from_the_uri(
            secret in prop::array::uniform20(any::<u8>()),
            issuer in ".{1,200}",
            account in ".{1,254}",
        ) {
            let uri = uri(&secret, &issuer, &account).expect("it is made");
            let read = Totp::from_url(&uri).expect("it is read");
            prop_assert_eq!(read.secret().as_bytes(), secret);
            prop_assert_eq!((read.digits(), read.step()), (6, STEP));
            let cut = |text: &str, most| text.replace(':', " ").chars().take(most).collect::<String>();
            prop_assert_eq!(read.issuer(), Some(&*cut(&issuer, ISSUER)));
            prop_assert_eq!(read.account_name(), cut(&account, ACCOUNT));
            prop_assert!(QrCode::new(&uri).is_ok(), "no room for {} bytes", uri.len());
        }
    }

    proptest! {
        #[test]
        fn what_is_no_code_is_refused(code in "\\PC{0,8}", now in 0i64..4_000_000_000) {
            let step = step_of(RFC, &code, now).expect("it answers");
            prop_assert!(step.is_none_or(|step| (step - now / 30).abs() <= 1));
            prop_assert!(code.len() == 6 || step.is_none());
        }
    }
}
