//! Writing a changed document: everything that is not changed is copied as it stands.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::delta::Index;
use super::{Content, Delta, Document, Member, Name, Section, Stored};
use crate::wire::json::{quote, quoted_length};

impl Document {
    /// The document with `delta` applied. Applying the same delta again changes nothing more.
    #[must_use]
    pub fn apply(&self, delta: &Delta) -> Self {
        let text = self.text.expose_secret();
        let index = Index::new(delta);
        let plan: Vec<(&Member, Vec<&Stored>)> = self
            .members
            .iter()
            .map(|member| {
                let Content::Entities(section, stored) = &member.content else { return (member, Vec::new()) };
                let stays = |s: &&Stored| match text.get(s.place.clone()) {
                    Some(raw) => !index.replaces(*section, s.key.of(text), raw),
                    None => false,
                };
                (member, stored.iter().filter(stays).collect())
            })
            .collect();
        // Measured first, so that the buffer never has to grow, shrink or move with secrets in it.
        let mut size = Writer::measuring();
        self.write(&plan, delta, &mut size);
        let mut out = Writer::of(size.length);
        let members = self.write(&plan, delta, &mut out);
        Self { text: out.text.into(), members }
    }

    fn write(&self, plan: &[(&Member, Vec<&Stored>)], delta: &Delta, out: &mut Writer) -> Vec<Member> {
        let text = self.text.expose_secret();
        let mut written = Vec::with_capacity(plan.len());
        out.open();
        for (member, kept) in plan {
            let name = out.name(&member.name, text);
            let content = match &member.content {
                Content::Foreign(place) => Content::Foreign(out.value(text.get(place.clone()).unwrap_or("null"))),
                Content::Entities(section, _) => {
                    let kept = kept.iter().map(|s| (&s.key, text.get(s.place.clone()).unwrap_or("null")));
                    Content::Entities(*section, out.section(text, kept, delta.puts(*section)))
                }
            };
            written.push(Member { name, content });
        }
        for section in Section::ALL {
            let there = |m: &Member| matches!(&m.content, Content::Entities(s, _) if *s == section);
            if !written.iter().any(there) && delta.puts(section).next().is_some() {
                let name = out.name(&Name::Spelled(section.name().into()), text);
                let stored = out.section(text, core::iter::empty(), delta.puts(section));
                written.push(Member { name, content: Content::Entities(section, stored) });
            }
        }
        out.push("}");
        written
    }
}

/// Writes a document, or only measures it, and tells where things went.
struct Writer {
    text: String,
    length: usize,
    measuring: bool,
    /// Whether an object was just opened, so that no comma is due.
    opened: bool,
}

impl Writer {
    const fn measuring() -> Self {
        Self { text: String::new(), length: 0, measuring: true, opened: false }
    }

    fn of(size: usize) -> Self {
        Self { text: String::with_capacity(size), length: 0, measuring: false, opened: false }
    }

    fn push(&mut self, part: &str) {
        self.length = self.length.saturating_add(part.len());
        if !self.measuring {
            self.text.push_str(part);
        }
    }

    fn open(&mut self) {
        self.push("{");
        self.opened = true;
    }

    fn value(&mut self, raw: &str) -> Range<usize> {
        let start = self.length;
        self.push(raw);
        start..self.length
    }

    /// Writes `name`, a name in `text`, as it was spelled where that is known.
    fn name(&mut self, name: &Name, text: &str) -> Name {
        if !core::mem::take(&mut self.opened) {
            self.push(",");
        }
        let written = match name {
            Name::Plain(place) => {
                self.push("\"");
                let place = self.value(text.get(place.clone()).unwrap_or_default());
                self.push("\"");
                Name::Plain(place)
            }
            Name::Spelled(spelled) => {
                let mut quoted = String::with_capacity(quoted_length(spelled));
                quote(&mut quoted, spelled);
                self.push(&quoted);
                name.clone()
            }
        };
        self.push(":");
        written
    }

    fn section<'a>(
        &mut self,
        text: &str,
        kept: impl Iterator<Item = (&'a Name, &'a str)>,
        puts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Vec<Stored> {
        let mut stored = Vec::with_capacity(if self.measuring { 0 } else { kept.size_hint().0 });
        self.open();
        for (key, raw) in kept {
            let key = self.name(key, text);
            let place = self.value(raw);
            if !self.measuring {
                stored.push(Stored { key, place });
            }
        }
        for (key, raw) in puts {
            let key = self.name(&Name::Spelled(key.into()), text);
            stored.push(Stored { key, place: self.value(raw) });
        }
        // The object may have stayed empty; what follows it needs a comma all the same.
        self.opened = false;
        self.push("}");
        stored
    }
}
