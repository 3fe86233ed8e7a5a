//! The mails, shared by the side that takes them and the side that shows them.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use crate::fault::Faults;
use crate::keep::Shelf;
use crate::message::Message;
use crate::time;

/// Past this many the oldest mail is forgotten, so that a forgotten `cargo dev up` stays small.
const MOST: usize = 20_000;

/// Fewer mails than waited for had come when patience ran out.
#[derive(Debug)]
pub struct TooFew {
    /// How many were waited for.
    pub wanted: usize,
    /// Those that had come.
    pub came: Vec<Arc<Message>>,
}

impl fmt::Display for TooFew {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} mails came, {} were waited for",
            self.came.len(),
            self.wanted
        )
    }
}

impl std::error::Error for TooFew {}

#[derive(Debug)]
pub(crate) struct Inbox {
    mails: Mutex<Mails>,
    arrived: Condvar,
    shelf: Option<Shelf>,
    faults: Faults,
}

#[derive(Debug)]
struct Mails {
    list: VecDeque<Arc<Message>>,
    next: u64,
}

impl Inbox {
    pub(crate) fn open(dir: Option<PathBuf>) -> io::Result<Self> {
        let shelf = dir.map(Shelf::open).transpose()?;
        let list: VecDeque<_> = match &shelf {
            Some(shelf) => shelf.load()?.into_iter().map(Arc::new).collect(),
            None => VecDeque::new(),
        };
        let next = list.back().map_or(1, |last| last.id + 1);
        Ok(Self {
            mails: Mutex::new(Mails { list, next }),
            arrived: Condvar::new(),
            shelf,
            faults: Faults::default(),
        })
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Keeps a mail. When this returns it is in the list, and on disk if there is a directory.
    pub(crate) fn keep(&self, from: String, to: Vec<String>, raw: Vec<u8>) -> io::Result<u64> {
        let received = time::now();
        let mut mails = self.lock();
        let mail = Message::new(mails.next, from, to, received, raw);
        if let Some(shelf) = &self.shelf {
            shelf.store(&mail)?;
        }
        let id = mail.id;
        mails.next += 1;
        mails.list.push_back(Arc::new(mail));
        if mails.list.len() > MOST {
            let oldest = mails.list.pop_front();
            if let (Some(shelf), Some(mail)) = (&self.shelf, oldest) {
                shelf.remove(mail.id);
            }
        }
        drop(mails);
        self.arrived.notify_all();
        Ok(id)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Message>> {
        self.lock().list.iter().cloned().collect()
    }

    pub(crate) fn to(&self, address: &str) -> Vec<Arc<Message>> {
        self.lock()
            .list
            .iter()
            .filter(|mail| mail.is_to(address))
            .cloned()
            .collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<Message>> {
        self.lock().list.iter().find(|mail| mail.id == id).cloned()
    }

    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut self.lock().list);
        if let Some(shelf) = &self.shelf {
            for mail in gone {
                shelf.remove(mail.id);
            }
        }
    }

    pub(crate) fn wait(
        &self,
        count: usize,
        patience: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> Result<Vec<Arc<Message>>, TooFew> {
        let here = |mails: &Mails| mails.list.iter().filter(|mail| wanted(mail)).count();
        let (mails, _) = self
            .arrived
            .wait_timeout_while(self.lock(), patience, |mails| here(mails) < count)
            .unwrap_or_else(PoisonError::into_inner);
        let came: Vec<_> = mails
            .list
            .iter()
            .filter(|mail| wanted(mail))
            .cloned()
            .collect();
        if came.len() < count {
            Err(TooFew {
                wanted: count,
                came,
            })
        } else {
            Ok(came)
        }
    }

    fn lock(&self) -> MutexGuard<'_, Mails> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
