//! The vectors, region by region in the order in which a reader meets them.

mod composition;
mod encodings;
mod foreign;
mod frames;
mod good;
mod index;
mod json;
mod keys;
mod metadata;
mod model;
mod names;
mod operations;
mod rendering;
mod signature;
mod split;
mod tarred;
mod tree;

pub(crate) use good::BASE;

use crate::table::Table;

/// Every set.
pub(crate) fn all(table: &mut Table) {
    good::add(table);
    index::add(table);
    metadata::add(table);
    signature::add(table);
    json::add(table);
    model::add(table);
    rendering::add(table);
    operations::add(table);
    encodings::add(table);
    frames::add(table);
    split::add(table);
    tarred::add(table);
    tree::add(table);
    names::add(table);
    composition::add(table);
    keys::add(table);
    foreign::add(table);
}
