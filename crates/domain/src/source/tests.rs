mod document;
mod event;
mod registry;
mod signature;
