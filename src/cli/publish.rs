//! `libris-mirror publish`

use clap::Args;

use super::exit::Exit;
use super::form::Form;
use super::global::Global;
use super::output::{self, grouped};
use super::publish_to::{self, Compression, Dump};
use super::settings::Settings;
use crate::mirror::Mirror;

/// Publish everything that was harvested so far as a new snapshot; or, with --to, dumps of it in an object store.
///
/// A harvest publishes a snapshot by itself at its end, and a long one every `store.publish_s` seconds. Use this after an
/// interrupted harvest.
///
/// With --to, dumps, checksums and a description go into a folder of their own, and manifest.json, which names them, is
/// written last. What was interrupted goes on where it was. Keys, regions and endpoints are read from the environment, as
/// the tools of these stores do: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL; GOOGLE_…; AZURE_….
#[derive(Debug, Args)]
#[expect(clippy::doc_markdown, reason = "the comments are the text of --help")]
#[command(after_help = "Examples:
  libris-mirror publish
  libris-mirror publish --json | jq .snapshot
  libris-mirror publish --to s3://open-data/libris --dump nt,parquet --keep 4
  libris-mirror publish --to /srv/www/libris")]
pub(super) struct Arguments {
    /// Where dumps go: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or the path of a directory.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// What is published there.
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["nt", "nq", "parquet"], requires = "to")]
    dump: Vec<Dump>,
    /// How dumps are compressed.
    #[arg(long, value_enum, default_value = "zst", requires = "to")]
    compress: Compression,
    /// How many states of the mirror stay there.
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..), requires = "to")]
    keep: u32,
    #[command(flatten)]
    form: Form,
}

pub(super) fn run(arguments: &Arguments, global: &Global) -> anyhow::Result<Exit> {
    let settings = Settings::read(global)?;
    if let Some(address) = &arguments.to {
        let Arguments { dump, compress, keep, form, .. } = arguments;
        let keep = usize::try_from(*keep).unwrap_or(usize::MAX);
        let wanted = publish_to::Wanted { address, dumps: dump, compression: *compress, keep, json: form.json() };
        return publish_to::run(&wanted, &settings, global);
    }
    settings.data.check_to_write(&Settings::who("publish"))?;
    let mut mirror = Mirror::open(&settings.data, &settings.config, &Settings::who("publish"))?;
    let caught_up = mirror.catch_up(|_| true)?;
    let shown = mirror.snapshots().current();
    let (snapshot, fresh) = match shown {
        Some(number) if caught_up.records == 0 && mirror.is_current()? => (number, false),
        _ => (mirror.publish()?, true),
    };
    mirror.follow_afterwards(|| true)?;
    if arguments.form.json() {
        output::json(
            &serde_json::json!({"snapshot": snapshot, "published": fresh, "page": mirror.log.page_reached(mirror.mark()?.change)?.0}),
        )?;
    } else if !global.quiet {
        let page = mirror.log.page_reached(mirror.mark()?.change)?;
        let page = grouped(u64::try_from(page.0).unwrap_or_default());
        output::message(&if fresh {
            format!("snapshot {snapshot} published, up to page {page}")
        } else {
            format!("snapshot {snapshot} already has everything, up to page {page}")
        });
    }
    Ok(Exit::Ok)
}
