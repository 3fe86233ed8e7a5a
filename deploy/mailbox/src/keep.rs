//! Mails as files, one each: three lines of envelope, then the mail as it came.

use std::path::PathBuf;
use std::{fs, io};

use crate::message::Message;

#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
}

impl Shelf {
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        Ok(Self { dir })
    }

    pub(crate) fn store(&self, mail: &Message) -> io::Result<()> {
        let envelope = format!("{}\n{}\n{}\n", mail.received, mail.from, mail.to.join(" "));
        let unfinished = self.dir.join(format!("{}.part", mail.id));
        fs::write(&unfinished, [envelope.as_bytes(), &mail.raw].concat())?;
        // A reader, and a start after a crash, sees whole mails only.
        fs::rename(unfinished, self.path(mail.id))
    }

    pub(crate) fn remove(&self, id: u64) {
        // One that is gone already is as good as removed.
        drop(fs::remove_file(self.path(id)));
    }

    /// All mails in the order they came.
    pub(crate) fn load(&self) -> io::Result<Vec<Message>> {
        let mut mails = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_suffix(".mail")?.parse().ok());
            if let Some(id) = id {
                mails.extend(parse(id, &fs::read(self.path(id))?));
            }
        }
        mails.sort_by_key(|mail: &Message| mail.id);
        Ok(mails)
    }

    fn path(&self, id: u64) -> PathBuf {
        self.dir.join(format!("{id}.mail"))
    }
}

fn parse(id: u64, file: &[u8]) -> Option<Message> {
    let mut lines = file.splitn(4, |&byte| byte == b'\n');
    let mut line = || {
        lines
            .next()
            .map(|line| String::from_utf8_lossy(line).into_owned())
    };
    let (received, from, to) = (line()?, line()?, line()?);
    let to = to.split(' ').map(str::to_owned).collect();
    Some(Message::new(id, from, to, received, lines.next()?.to_vec()))
}
