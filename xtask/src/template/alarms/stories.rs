//! Every alarm of the template over recorded series.
