//! `azlatch cache`: what is stored, and how to be rid of it.

use azlatch::{Error, ErrorKind};
use azlatch_core::cache::{Document, Entity, Section, partition};
use azlatch_core::effect::{Effect, Found, Ids, Load, Loaded, Partition, Remove, Removed, Version};
use azlatch_core::wire::text::printable;
use azlatch_core::{Host, Now};
use azlatch_files::{DIRECTORY, Files, HOME};
use azlatch_system::{Clock, Environment};
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

use crate::args::{Cache, ListForm};
use crate::exit::tell;
use crate::output;

pub(crate) fn run(command: &Cache) -> Result<(), Error> {
    let mut store = Files::new(directory()?);
    match command {
        Cache::Show(options) => {
            let mut shown = 0;
            for cae in [false, true] {
                shown += show(&mut store, &partition(&options.cache_name, cae)?, options.output)?;
            }
            if shown == 0 {
                tell(&format!(
                    "azlatch: nothing is stored under `{}` in {}",
                    options.cache_name,
                    store.directory().display()
                ));
            }
            Ok(())
        }
        Cache::Clear(options) => {
            for cae in [false, true] {
                let partition = partition(&options.cache_name, cae)?;
                for partition in [&partition, &partition.aside()] {
                    if clear(&mut store, partition)? {
                        tell(&format!("azlatch: removed {}", store.directory().join(partition.name()).display()));
                    }
                }
            }
            Ok(())
        }
    }
}

fn directory() -> Result<PathBuf, Error> {
    match Environment::capture().get(HOME) {
        Some(home) => Ok(PathBuf::from(home).join(DIRECTORY)),
        None => Err(Error::new(ErrorKind::Storage, "no home directory is set, so there is no cache")
            .advise(format!("set {HOME}"))),
    }
}

fn load(store: &mut Files, partition: &Partition) -> Result<Option<Found>, Error> {
    let mut ids = Ids::root();
    let ask =
        Load { partition: partition.clone(), unless: None, limit: 64 * 1024 * 1024, timeout: Duration::from_secs(5) };
    let reply = store.perform(ids.ask(ask)).unwrap_or_else(Effect::decline);
    match ids.take::<Load>(reply) {
        Ok(Some(Ok(Loaded::Found(found)))) => Ok(Some(found)),
        Ok(Some(Err(fault))) => Err(fault.into()),
        _ => Ok(None),
    }
}

fn show(store: &mut Files, partition: &Partition, form: ListForm) -> Result<usize, Error> {
    // An empty file is what a program leaves that keeps its tokens elsewhere.
    let stored = load(store, partition)?.filter(|found| !found.bytes.expose_secret().trim_ascii().is_empty());
    let Some(found) = stored else { return Ok(0) };
    let Ok(document) = Document::parse(found.bytes.expose_secret()) else {
        tell(&format!("azlatch: {} is damaged; the next token got will replace it", partition.name()));
        return Ok(1);
    };
    let now = Clock::new().now();
    if form == ListForm::Table {
        output::line(&format!("{} (plain text, {})", partition.name(), store.directory().display()))?;
    }
    let mut shown = 1;
    for section in Section::ALL {
        for (_, entity) in document.entities(section) {
            shown += 1;
            match form {
                ListForm::Table => output::line(&row(section, &entity, now))?,
                ListForm::Json => output::line(&object(partition, section, &entity).to_string())?,
            }
        }
    }
    Ok(shown)
}

fn field(entity: &Entity<'_>, name: &str) -> String {
    entity.text(name).map(|text| printable(&text, 200)).unwrap_or_default()
}

fn row(section: Section, entity: &Entity<'_>, now: Now) -> String {
    let client = field(entity, "client_id");
    match section {
        Section::AccessToken => {
            let left = entity.time("expires_on").map_or(0, |at| at.since(now.wall));
            let life = if left > 0 { format!("{} min left", left / 60) } else { "expired".into() };
            let owner = field(entity, "home_account_id");
            let owner = if owner.is_empty() { "the application".into() } else { owner };
            format!(
                "  access token   {client}  {}  {}  {owner}  {life}",
                field(entity, "realm"),
                field(entity, "target")
            )
        }
        Section::RefreshToken => format!("  refresh token  {client}  {}", field(entity, "home_account_id")),
        Section::IdToken => format!("  id token       {client}  {}", field(entity, "home_account_id")),
        Section::Account => format!(
            "  account        {}  {}  {}",
            field(entity, "username"),
            field(entity, "realm"),
            field(entity, "home_account_id")
        ),
        Section::AppMetadata => format!("  application    {client}  {}", field(entity, "environment")),
    }
}

/// Everything of an entity that names it; never its secret.
fn object(partition: &Partition, section: Section, entity: &Entity<'_>) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    object.insert("cache".into(), partition.name().into());
    object.insert("kind".into(), section.name().into());
    for name in
        ["environment", "realm", "client_id", "home_account_id", "username", "target", "token_type", "family_id"]
    {
        if let Some(text) = entity.text(name).filter(|text| !text.is_empty()) {
            object.insert(name.into(), json!(text));
        }
    }
    for name in ["cached_at", "expires_on", "refresh_on"] {
        if let Some(at) = entity.time(name) {
            object.insert(name.into(), json!(at.0));
        }
    }
    object.into()
}

/// Removes `partition`, whatever others write meanwhile; `false` when there was nothing.
fn clear(store: &mut Files, partition: &Partition) -> Result<bool, Error> {
    let stored = load(store, partition)?;
    let was_there = stored.is_some();
    if !was_there && !store.directory().is_dir() {
        return Ok(false);
    }
    // Asked also when nothing is there: a write that was killed may have left a part of it.
    let mut expect = stored.map_or(Version(0), |found| found.version);
    loop {
        let mut ids = Ids::root();
        let ask = Remove { partition: partition.clone(), expect, timeout: Duration::from_secs(5) };
        let reply = store.perform(ids.ask(ask)).unwrap_or_else(Effect::decline);
        match ids.take::<Remove>(reply) {
            Ok(Some(Ok(Removed::Conflict(newer)))) => expect = newer.version,
            Ok(Some(Err(fault))) => return Err(fault.into()),
            _ => return Ok(was_there),
        }
    }
}
