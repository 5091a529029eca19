//! Where is published: an address, its store, and what can be done there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, ObjectStoreScheme, PutMode, PutPayload, RetryConfig, UpdateVersion};
use tokio::runtime::Runtime;
use url::Url;

use super::error::PublishError;

/// A place to publish to.
pub struct Target {
    /// Its address, for messages.
    pub(super) address: String,
    pub(super) store: Arc<dyn ObjectStore>,
    /// The same store, if it keeps the parts of an upload that was interrupted.
    pub(super) parts: Option<Arc<dyn MultipartStore>>,
    prefix: Path,
    /// The directory, if it is one.
    root: Option<PathBuf>,
    pub(super) runtime: Runtime,
}

/// Makes a store of one kind with the options that it knows.
macro_rules! built {
    ($builder:ty, $url:expr, $options:expr, $wrong:expr) => {{
        let known = $options.iter().filter_map(|(key, value)| Some((key.to_ascii_lowercase().parse().ok()?, value)));
        let builder =
            known.fold(<$builder>::new().with_url($url.as_str()), |builder, (key, value)| builder.with_config(key, value));
        let store = Arc::new(builder.with_retry(patience()).build().map_err(|error| $wrong(error.to_string()))?);
        (Arc::clone(&store) as Arc<dyn ObjectStore>, Some(store as Arc<dyn MultipartStore>))
    }};
}

impl Target {
    /// Opens a place: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`, `file:///…`, or the path of a directory. `options` are the variables
    /// from which the tools of these stores read keys, regions and endpoints, such as `AWS_ACCESS_KEY_ID`; others are ignored.
    pub fn open(address: &str, options: &[(String, String)]) -> Result<Self, PublishError> {
        let wrong = |reason: String| PublishError::Address { address: address.to_owned(), reason };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let url = match Url::parse(address) {
            Ok(url) if url.scheme() != "file" => url,
            Ok(url) => {
                return Self::directory(address, &url.to_file_path().map_err(|()| wrong("it names no file".into()))?, runtime);
            }
            // Before an @ may be a key.
            Err(error) if address.contains("://") => {
                let address = if address.contains('@') { "…".to_owned() } else { address.to_owned() };
                return Err(PublishError::Address { address, reason: error.to_string() });
            }
            Err(_) => return Self::directory(address, address.as_ref(), runtime),
        };
        check_endpoint(options)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PublishError::Address { address: "…".into(), reason: "keys belong into the environment".into() });
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|error| wrong(error.to_string()))?;
        let (store, parts): (Arc<dyn ObjectStore>, _) = match scheme {
            ObjectStoreScheme::AmazonS3 => {
                if !options.iter().any(|(name, value)| KEYS.contains(&name.as_str()) && !value.is_empty()) {
                    return Err(PublishError::NoKeys { address: address.to_owned() });
                }
                built!(AmazonS3Builder, url, options, wrong)
            }
            ObjectStoreScheme::GoogleCloudStorage => built!(GoogleCloudStorageBuilder, url, options, wrong),
            ObjectStoreScheme::MicrosoftAzure => built!(MicrosoftAzureBuilder, url, options, wrong),
            _ => return Err(wrong(format!("{}:// is not known", url.scheme()))),
        };
        Ok(Self { address: address.trim_end_matches('/').to_owned(), store, parts, prefix, root: None, runtime })
    }

    fn directory(address: &str, path: &std::path::Path, runtime: Runtime) -> Result<Self, PublishError> {
        let made = fs_err::create_dir_all(path).and_then(|()| fs_err::canonicalize(path));
        let path = made.map_err(|cause| PublishError::Directory { address: address.to_owned(), cause })?;
        let store = LocalFileSystem::new_with_prefix(&path)
            .map_err(|error| PublishError::Address { address: address.to_owned(), reason: error.to_string() })?;
        Ok(Self {
            address: address.to_owned(),
            store: Arc::new(store),
            parts: None,
            prefix: Path::default(),
            root: Some(path),
            runtime,
        })
    }

    /// Its address, for messages.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The path of something, given below the prefix.
    pub(super) fn path(&self, below: &str) -> Path {
        let below = Path::from(below);
        self.prefix.parts().chain(below.parts()).collect()
    }

    /// What is there, and its version; `None` if nothing is.
    pub(super) fn get(&self, below: &str) -> Result<Option<(Bytes, UpdateVersion)>, PublishError> {
        let path = self.path(below);
        let got = self.runtime.block_on(async {
            let got = self.store.get(&path).await?;
            let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
            Ok((got.bytes().await?, version))
        });
        match got {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Error::NotFound { source, .. }) if !is_no_bucket(&source.to_string()) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// How long an object is; `None` if there is none.
    pub(super) fn length(&self, below: &str) -> Result<Option<u64>, PublishError> {
        let path = self.path(below);
        match self.runtime.block_on(self.store.head(&path)) {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Puts something small there.
    pub(super) fn put(&self, below: &str, bytes: Vec<u8>) -> Result<(), PublishError> {
        let path = self.path(below);
        self.runtime.block_on(self.store.put(&path, bytes.into())).map_err(|error| self.failed(error))?;
        Ok(())
    }

    /// Puts something there in place of a version, or of nothing; an error if there is another meanwhile. Directories cannot tell.
    pub(super) fn replace(&self, below: &str, bytes: Vec<u8>, before: Option<UpdateVersion>) -> Result<(), PublishError> {
        let (path, payload) = (self.path(below), PutPayload::from(bytes));
        let mode = before.map_or(PutMode::Create, PutMode::Update);
        match self.runtime.block_on(self.store.put_opts(&path, payload.clone(), mode.into())) {
            Ok(_) => Ok(()),
            Err(Error::Precondition { .. } | Error::AlreadyExists { .. }) => {
                Err(PublishError::Meanwhile { address: self.address.clone() })
            }
            Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                self.runtime.block_on(self.store.put(&path, payload)).map(|_| ()).map_err(|error| self.failed(error))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// The folders below the prefix.
    pub(super) fn folders(&self) -> Result<Vec<String>, PublishError> {
        let prefix = (!self.prefix.as_ref().is_empty()).then_some(&self.prefix);
        let listed = self.runtime.block_on(self.store.list_with_delimiter(prefix)).map_err(|error| self.failed(error))?;
        Ok(listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect())
    }

    /// Removes a folder with everything that is in it.
    pub(super) fn remove(&self, folder: &str) -> Result<(), PublishError> {
        use futures_util::{StreamExt as _, TryStreamExt as _};
        if let Some(root) = &self.root {
            // With its empty folders, and what was interrupted in them.
            return Ok(fs_err::remove_dir_all(root.join(folder))?);
        }
        let path = self.path(folder);
        let removed = self.runtime.block_on(async {
            let objects = self.store.list(Some(&path)).map_ok(|object| object.location).boxed();
            self.store.delete_stream(objects).try_collect::<Vec<_>>().await
        });
        removed.map(|_| ()).map_err(|error| self.failed(error))
    }

    /// What an error of the store means.
    pub(super) fn failed(&self, source: Error) -> PublishError {
        let (address, text) = (self.address.clone(), source.to_string());
        let hint = match &source {
            Error::NotFound { .. } => Some("does the bucket exist, and is its region right?"),
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Some("are the keys in the environment those of someone who may write there?")
            }
            _ if is_no_bucket(&text) => Some("does the bucket exist, and is its region right?"),
            _ => None,
        };
        match hint {
            Some(hint) => PublishError::Refused { address, cause: Box::new(source), hint },
            None => PublishError::Unavailable { address, cause: Box::new(source) },
        }
    }
}

/// The variables that name another server than that of Amazon.
const ENDPOINTS: [&str; 3] = ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"];

/// The variables that say how to sign in at S3. Without any, the library would ask the machine's metadata service, a host that nobody
/// named.
const KEYS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
    "AWS_SKIP_SIGNATURE",
];

/// Checks the address of a server: the library ends the program at one that is none.
fn check_endpoint(options: &[(String, String)]) -> Result<(), PublishError> {
    let allows_http = options.iter().any(|(name, value)| name == "AWS_ALLOW_HTTP" && value.eq_ignore_ascii_case("true"));
    for (name, value) in options.iter().filter(|(name, _)| ENDPOINTS.contains(&name.as_str())) {
        let wrong =
            |problem: &str| PublishError::Variable { name: name.clone(), value: value.clone(), problem: problem.to_owned() };
        match Url::parse(value) {
            Ok(url) if url.scheme() == "http" && !allows_http => {
                return Err(wrong("to send to a server without TLS, set AWS_ALLOW_HTTP=true as well"));
            }
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {}
            _ => return Err(wrong("it must begin with http:// or https://")),
        }
    }
    Ok(())
}

/// How often a request is made again that failed in passing, and how long.
fn patience() -> RetryConfig {
    RetryConfig { max_retries: 6, retry_timeout: Duration::from_mins(1), ..RetryConfig::default() }
}

/// Whether S3 says that the bucket itself is missing.
fn is_no_bucket(text: &str) -> bool {
    text.contains("NoSuchBucket")
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::memory::InMemory;

    #[test]
    fn what_somebody_else_replaced_meanwhile_is_not_written_over() {
        let target = Target {
            address: "memory".into(),
            store: Arc::new(InMemory::new()),
            parts: None,
            prefix: Path::from("a/b"),
            root: None,
            runtime: tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime"),
        };
        target.replace("m", b"one".to_vec(), None).expect("nothing was there");
        assert!(matches!(target.replace("m", b"late".to_vec(), None), Err(PublishError::Meanwhile { .. })));
        let (bytes, version) = target.get("m").expect("there").expect("there");
        assert_eq!(bytes, "one");
        target.replace("m", b"two".to_vec(), Some(version.clone())).expect("as it was");
        assert!(matches!(target.replace("m", b"late".to_vec(), Some(version)), Err(PublishError::Meanwhile { .. })));
        assert_eq!(target.get("m").expect("there").expect("there").0, "two");
    }
}
