//! The registry: every view that the program has, a line each.

use crate::index::IndexView;
use crate::labels::LabelsTable;
use crate::links::LinksTable;
use crate::quarantine::QuarantineTable;
use crate::search::SearchView;
#[cfg(feature = "rocksdb")]
use crate::store::StoreView;
use crate::views::{Registered, TableView};

/// All views. `rebuild`, `verify`, `status` and the metrics read this list.
pub const VIEWS: &[Registered] = &[
    Registered::of::<IndexView>(),
    #[cfg(feature = "rocksdb")]
    Registered::of::<StoreView>(),
    Registered::of::<TableView<LinksTable>>(),
    Registered::of::<TableView<LabelsTable>>(),
    Registered::of::<TableView<QuarantineTable>>(),
    Registered::of::<SearchView>(),
];
