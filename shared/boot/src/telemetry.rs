//! Logs on stdout, traces and metrics by OpenTelemetry, metrics for
//! Prometheus.

use opentelemetry::{KeyValue, global, trace::TracerProvider as _};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::SdkMeterProvider,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use prometheus::Registry;
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::Targets, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::{
    LogFormat, ProcessArgs,
    line::{Stdout, Traced},
};

/// What must be flushed at exit.
pub(crate) struct Telemetry {
    /// Where `/metrics` reads.
    pub registry: Registry,
    metrics: SdkMeterProvider,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts all of it for the process `name`. Call it inside a runtime that
    /// lives to the end: the exporter's connection is driven there.
    pub fn start(name: &'static str, args: &ProcessArgs) -> anyhow::Result<Self> {
        let resource = Resource::builder()
            .with_service_name(format!("usher-{name}"))
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let registry = Registry::new();
        let metrics = metrics(&registry, resource.clone(), args)?;
        global::set_meter_provider(metrics.clone());
        global::set_text_map_propagator(TraceContextPropagator::new());
        let traces = traces(resource, args)?;
        let spans = traces.as_ref().map(|provider| {
            let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("usher"));
            layer.with_filter(recorded())
        });
        tracing_subscriber::registry()
            .with(lines(args.log_format).with_filter(EnvFilter::try_new(&args.log)?))
            .with(spans)
            .try_init()?;
        log_panics();
        Ok(Self {
            registry,
            metrics,
            traces,
        })
    }

    /// Sends what has not been sent.
    pub fn flush(self) {
        // Whoever collects may be gone already; an exit does not fail by it.
        if let Some(traces) = self.traces {
            let _ = traces.shutdown();
        }
        let _ = self.metrics.shutdown();
    }
}

/// What is recorded in traces, whatever is logged: calls, and what we say about
/// them; nothing of the libraries below. The span of a call is DEBUG: it costs
/// nothing where traces go nowhere.
fn recorded() -> Targets {
    Targets::new()
        .with_target("usher", Level::INFO)
        .with_target("rpc", Level::DEBUG)
}

fn metrics(
    registry: &Registry,
    resource: Resource,
    args: &ProcessArgs,
) -> anyhow::Result<SdkMeterProvider> {
    let pulled = opentelemetry_prometheus::exporter()
        .with_registry(registry.clone())
        .build()?;
    let mut provider = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_reader(pulled);
    if let Some(endpoint) = &args.otlp_endpoint {
        let pushed = MetricExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint.to_string())
            .build()?;
        provider = provider.with_periodic_exporter(pushed);
    }
    Ok(provider.build())
}

fn traces(resource: Resource, args: &ProcessArgs) -> anyhow::Result<Option<SdkTracerProvider>> {
    let Some(endpoint) = &args.otlp_endpoint else {
        return Ok(None);
    };
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.to_string())
        .build()?;
    // By the trace's id, whatever the caller asks for: services with the same
    // ratio agree, and nobody outside can make us record.
    let sampler = Sampler::TraceIdRatioBased(args.trace_ratio);
    Ok(Some(
        SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(sampler)
            .with_batch_exporter(exporter)
            .build(),
    ))
}

fn lines<S>(format: LogFormat) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(Stdout);
    match format {
        LogFormat::Json => layer.json().event_format(Traced).boxed(),
        LogFormat::Text => layer.boxed(),
    }
}

/// Logs where a panic happened. Its message is logged only where it is a
/// literal of the program: a formatted one may quote a secret.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(String::new, ToString::to_string);
        let message = panic
            .payload()
            .downcast_ref::<&'static str>()
            .unwrap_or(&"(formatted)");
        tracing::error!(place, message, "panic");
    }));
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tower::ServiceExt as _;
    use tracing_subscriber::fmt::format::FmtSpan;

    use super::*;

    #[test]
    fn traces_hold_calls_and_nothing_of_the_libraries_below() {
        let records = |target, level| recorded().would_enable(target, &level);
        assert!(records("rpc", Level::DEBUG));
        assert!(records("usher_store", Level::INFO));
        for library in ["h2", "hyper::proto", "hyper_util", "tonic", "sqlx::query"] {
            assert!(!records(library, Level::ERROR), "{library}");
        }
    }

    /// What is logged, kept.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Kept {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// B-82. HTTP/2 says much at TRACE; no version of it may say what headers
    /// hold, on neither end.
    #[tokio::test]
    async fn b_82_http2_logs_no_header_and_no_message_at_trace() {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_span_events(FmtSpan::FULL)
            .with_writer(move || writer.clone());
        let all = tracing_subscriber::registry().with(lines);
        let _logging = tracing::subscriber::set_default(all);
        let address = crate::listen::tests::echo();
        let channel = rpc::Channel::remote(format!("http://{address}").parse().unwrap());
        for number in 0..3 {
            let request = http::Request::post("/a/b")
                .header("authorization", "Bearer canary-token")
                .header("usher-service", format!("canary-{number}"))
                .body(tonic::body::Body::new("canary-message".to_owned()))
                .unwrap();
            let answer = channel.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.headers()["usher-canary"], "canary-answer");
        }
        let logged = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("h2::"), "h2 was not heard");
        let told = logged.lines().find(|line| line.contains("canary-"));
        assert_eq!(told, None);
    }
}
