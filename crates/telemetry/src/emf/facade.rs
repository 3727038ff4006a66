//! The recorder as the `metrics` facade sees it.

use super::value::{Amount, Loss, Series};
use super::{Emf, Recorder};
use leadwire_pipeline::observe::metric;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata,
    SharedString, Unit,
};
use std::sync::Arc;

/// What takes the values of one series, or counts them where it is none of the catalogue's.
struct Handle {
    emf: Arc<Emf>,
    series: Result<Series, Loss>,
}

impl Handle {
    fn tell(&self, amount: Result<Amount, Loss>) {
        match self
            .series
            .and_then(|series| amount.map(|amount| (series, amount)))
        {
            Ok((series, amount)) => self.emf.keep(series, amount),
            Err(loss) => self.emf.lose(loss, 1),
        }
    }
}

impl CounterFn for Handle {
    fn increment(&self, value: u64) {
        self.tell(Amount::count(value));
    }
    fn absolute(&self, _value: u64) {
        self.tell(Err(Loss::WrongKind));
    }
}

impl GaugeFn for Handle {
    fn increment(&self, _value: f64) {
        self.tell(Err(Loss::WrongKind));
    }
    fn decrement(&self, _value: f64) {
        self.tell(Err(Loss::WrongKind));
    }
    fn set(&self, value: f64) {
        self.tell(Amount::measure(value));
    }
}

impl HistogramFn for Handle {
    fn record(&self, value: f64) {
        self.tell(Amount::measure(value));
    }
}

impl Recorder {
    fn handle(&self, key: &Key) -> Arc<Handle> {
        Arc::new(Handle {
            emf: Arc::clone(&self.0),
            series: self.0.series(key),
        })
    }
}

impl metrics::Recorder for Recorder {
    // The catalogue describes its metrics.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _metadata: &Metadata<'_>) -> Counter {
        let mut handle = Handle {
            emf: Arc::clone(&self.0),
            series: self.0.series(key),
        };
        if handle
            .series
            .is_ok_and(|series| series.facts.unit != metric::Unit::Count)
        {
            handle.series = Err(Loss::WrongKind);
        }
        Counter::from_arc(Arc::new(handle))
    }

    fn register_gauge(&self, key: &Key, _metadata: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle(key))
    }

    fn register_histogram(&self, key: &Key, _metadata: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle(key))
    }
}
