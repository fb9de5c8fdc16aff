//! `chart.bar`: a bar chart as SVG.

use std::fmt::Write;

use symphony_protocol::{Lineage, TypeName, Value, values};
use symphony_sdk::worker::function::{Handler, Offered};
use symphony_sdk::worker::{Context, FunctionError, Outcome};

use crate::spec::{Spec, needs, optional_text, takes};

const BARS_MAX: usize = 500;
const WIDTH: usize = 720;
const ROW: usize = 24;
const LEFT: usize = 160;
const RIGHT: usize = 80;
const TOP: usize = 56;

pub fn function() -> Offered {
    use TypeName::{Array, Artifact, String};
    Spec::new(
        "chart.bar",
        "Draw bars for `{word, count}` or `{label, value}` pairs; gives an SVG artifact",
    )
    .inputs([("data", needs(Array)), ("title", takes(String, "".into()))])
    .outputs([("svg", Artifact)])
    .pure()
    .runs(Handler::asynchronous(draw))
}

async fn draw(context: Context, inputs: Value) -> Outcome {
    let title = optional_text(&inputs, "title").unwrap_or_default();
    let bars = bars(&inputs)?;
    let svg = svg(title, &bars);
    let size = svg.len() as u64;
    let lineage = Lineage {
        run: Some(context.run.to_string()),
        task: Some(context.task.to_string()),
        ..Default::default()
    };
    let digest = context
        .artifacts
        .put(svg.into_bytes().into(), "image/svg+xml", lineage)
        .await?;
    Ok(Value::from([(
        "svg",
        values::reference(&digest, size, "image/svg+xml"),
    )]))
}

fn bars(inputs: &Value) -> Result<Vec<(String, f64)>, FunctionError> {
    let items = inputs.get("data").and_then(Value::as_array);
    let items = items.ok_or_else(|| FunctionError::contract("`data` is a list of {word, count}"))?;
    if items.len() > BARS_MAX {
        return Err(FunctionError::lasting(
            "limit",
            format!("{} bars, at most {BARS_MAX}", items.len()),
        ));
    }
    let bar = |item: &Value| {
        let label = item
            .get("word")
            .or_else(|| item.get("label"))?
            .as_str()?
            .to_owned();
        let value = item.get("count").or_else(|| item.get("value"))?.as_f64()?;
        Some((label, value))
    };
    let found: Option<Vec<_>> = items.iter().map(bar).collect();
    found.ok_or_else(|| FunctionError::contract("`data` is a list of {word, count}"))
}

/// What may not stand in XML as it is.
fn escape(text: &str) -> String {
    text.chars()
        .filter(|c| *c >= ' ' || *c == '\t')
        .fold(String::with_capacity(text.len()), |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                c => out.push(c),
            }
            out
        })
}

fn shortened(label: &str) -> String {
    let mut cut: String = label.chars().take(20).collect();
    if cut.len() < label.len() {
        cut.push('…');
    }
    cut
}

/// Thousands apart, as people read them.
fn grouped(value: f64) -> String {
    if value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

pub fn svg(title: &str, bars: &[(String, f64)]) -> String {
    let height = TOP + bars.len() * ROW + 24;
    let most = bars.iter().map(|(_, value)| value.max(0.0)).fold(0.0, f64::max);
    let room = (WIDTH - LEFT - RIGHT) as f64;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"24\" y=\"34\" font-size=\"18\" font-weight=\"600\" fill=\"#1b1f24\">{0}</text>\n",
        escape(if title.is_empty() { "Counts" } else { title }),
    );
    for (at, (label, value)) in bars.iter().enumerate() {
        let y = TOP + at * ROW;
        let length = if most > 0.0 {
            (value.max(0.0) / most * room).max(1.0)
        } else {
            1.0
        };
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#3d444d\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" rx=\"2\" fill=\"#2f6fde\"/>\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#57606a\">{}</text>",
            LEFT - 10,
            y + 16,
            escape(&shortened(label)),
            y + 3,
            ROW - 6,
            LEFT as f64 + length + 6.0,
            y + 16,
            grouped(*value),
        );
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_bars_are_proportional() {
        let drawn = svg(
            "a < b & \"c\"",
            &[("<x>".to_owned(), 10.0), ("y".to_owned(), 5.0)],
        );
        assert!(drawn.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(drawn.contains("&lt;x&gt;"));
        assert!(drawn.contains("width=\"480.0\"") && drawn.contains("width=\"240.0\""));
        assert_eq!(drawn.matches("<text").count(), drawn.matches("</text>").count());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(-999.0), "-999");
        assert_eq!(grouped(0.5), "0.50");
    }
}
