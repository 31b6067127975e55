//! The alarm list and its figures as files: CSV page by page as it is read, so that a long list is never in memory, or one Excel file.

use anlan_domain::disposition::{CAUSES, Choice, MEASURES};
use anlan_domain::time::UtcMillis;
use anlan_store::alarm_index::{AlarmFilter, AlarmPage};
use anlan_store::registry::scoped::Filter;
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::alarm_health::{self, HealthQuery};
use super::alarms::AlarmQuery;
use crate::gate::{Answer, Call, Download, Reply};
use crate::problem::Problem;
use crate::sheet::{BYTE_ORDER_MARK, Cell, Kind, Xlsx, csv_lines, local_time};
use crate::views::Names;
use crate::views::alarm::Alarm;

/// Alarms read at a time.
const PAGE: usize = 500;
/// Most rows of a CSV file; it is written as it is read.
const CSV_ROWS_MAX: usize = 1_000_000;
/// Most rows of an Excel file, which is put together before it is sent. Excel itself holds 1,048,576.
const XLSX_ROWS_MAX: usize = 100_000;

#[derive(Deserialize)]
struct ExportQuery {
    format: Option<String>,
    language: Option<String>,
}

/// In which form and language.
#[derive(Clone, Copy)]
struct Wanted {
    kind: Kind,
    english: bool,
}

impl Wanted {
    fn of(call: &Call) -> Result<Self, Problem> {
        let ExportQuery { format, language } = call.query()?;
        let kind = Kind::of(format.as_deref().unwrap_or("csv"))
            .ok_or_else(|| Problem::bad_request("format", "csv or xlsx"))?;
        Ok(Self { kind, english: language.is_some_and(|language| language.starts_with("en")) })
    }

    fn word(self, zh: &str, en: &str) -> String {
        (if self.english { en } else { zh }).to_owned()
    }

    fn name(self, names: &Names) -> Cell {
        let own = if self.english && !names.en.is_empty() { &names.en } else { &names.zh };
        Cell::text(own.as_str())
    }

    fn choice(self, choices: &[Choice], code: &str) -> String {
        let known = choices.iter().find(|choice| choice.code == code);
        known.map_or_else(|| code.to_owned(), |choice| self.word(choice.zh, choice.en))
    }
}

/// What stands above the columns, in both languages, in the order of [`row`].
const COLUMNS: [(&str, &str); 28] = [
    ("编号", "Alarm"),
    ("级别", "Level"),
    ("状态", "State"),
    ("企业编码", "Enterprise code"),
    ("企业", "Enterprise"),
    ("重大危险源", "Hazard source"),
    ("设备", "Equipment"),
    ("位号", "Tag"),
    ("名称", "Name"),
    ("条件", "Condition"),
    ("报警值", "Value"),
    ("限值", "Limit"),
    ("单位", "Unit"),
    ("发生（源时间）", "Raised (source)"),
    ("收到", "Received"),
    ("判定", "Decided"),
    ("恢复", "Returned"),
    ("持续秒", "Seconds"),
    ("补传", "Back-filled"),
    ("确认人", "Acknowledged by"),
    ("确认时间", "Acknowledged"),
    ("确认备注", "Comment"),
    ("接手人", "Taken over by"),
    ("处置原因", "Cause"),
    ("处置措施", "Measure"),
    ("处置说明", "Disposition"),
    ("处置人", "Disposed of by"),
    ("处置时间", "Disposed of"),
];

fn state(wanted: Wanted, alarm: &Alarm) -> String {
    use anlan_domain::life_cycle::AlarmState as S;
    let (zh, en) = match alarm.state {
        S::Unacknowledged => ("未确认", "unacknowledged"),
        S::Acknowledged => ("已确认", "acknowledged"),
        S::ReturnedUnacknowledged => ("已恢复，等待确认", "returned to normal, not acknowledged"),
        S::LatchedUnacknowledged => {
            ("已恢复、闩锁，等待确认", "returned to normal, latched, not acknowledged")
        }
        S::LatchedAcknowledged => ("闩锁，等待复位", "latched, to be reset"),
        S::Shelved => ("已搁置", "shelved"),
        S::Suppressed => ("设计抑制", "suppressed by design"),
        S::OutOfService => ("已停用", "out of service"),
        S::Closed => ("已结束", "over"),
    };
    wanted.word(zh, en)
}

fn row(wanted: Wanted, alarm: Alarm) -> Vec<Cell> {
    let time = |at: Option<i64>| Cell::time(at.map(UtcMillis));
    let state = state(wanted, &alarm);
    let lasted = alarm.cleared_at.map(|end| end.saturating_sub(alarm.raised_at) / 1000);
    let (acknowledged, disposition) = (alarm.acknowledged, alarm.disposition);
    let enterprise = alarm.enterprise_name.as_ref().map_or(Cell::Empty, |name| wanted.name(name));
    #[allow(clippy::cast_precision_loss, reason = "seconds of an alarm")]
    let lasted = Cell::number(lasted.map(|seconds| seconds as f64));
    vec![
        Cell::text(alarm.id),
        Cell::Number(f64::from(alarm.level)),
        Cell::text(state),
        Cell::maybe(alarm.enterprise),
        enterprise,
        Cell::maybe(alarm.hazard),
        Cell::maybe(alarm.equipment),
        Cell::text(alarm.tag),
        wanted.name(&alarm.name),
        Cell::text(alarm.condition),
        Cell::number(alarm.value),
        Cell::number(alarm.limit),
        Cell::text(alarm.unit),
        time(Some(alarm.raised_at)),
        time(Some(alarm.received_at)),
        time(Some(alarm.decided_at)),
        time(alarm.cleared_at),
        lasted,
        Cell::text(if alarm.late { wanted.word("是", "yes") } else { String::new() }),
        Cell::maybe(acknowledged.as_ref().map(|a| a.name.clone())),
        time(acknowledged.as_ref().map(|a| a.at)),
        Cell::maybe(acknowledged.map(|a| a.comment)),
        Cell::maybe(alarm.owner.map(|owner| owner.name)),
        Cell::maybe(disposition.as_ref().map(|d| wanted.choice(CAUSES, &d.cause))),
        Cell::maybe(disposition.as_ref().map(|d| wanted.choice(MEASURES, &d.measure))),
        Cell::maybe(disposition.as_ref().map(|d| d.comment.clone())),
        Cell::maybe(disposition.as_ref().map(|d| d.name.clone())),
        time(disposition.map(|d| d.at)),
    ]
}

fn head(wanted: Wanted) -> Vec<Cell> {
    COLUMNS.iter().map(|(zh, en)| Cell::text(wanted.word(zh, en))).collect()
}

/// Reads the list page by page, with the scope of who asked.
struct Reader {
    call: Call,
    wanted: Wanted,
    filter: AlarmFilter,
    within: Filter,
    next: Option<AlarmPage>,
    left: usize,
    /// One of few exports at a time.
    _turn: OwnedSemaphorePermit,
}

impl Reader {
    /// The next rows; `None` at the end. Where there are more than may be, the last row says so.
    async fn rows(&mut self) -> Result<Option<Vec<Vec<Cell>>>, Problem> {
        let Some(mut page) = self.next.take() else { return Ok(None) };
        let fits = page.items.len().min(self.left);
        let more = page.next_cursor.is_some() || fits < page.items.len();
        page.items.truncate(fits);
        self.left -= fits;
        let named = self.call.with_names(page.items).await?;
        let mut rows: Vec<_> = named.into_iter().map(|alarm| row(self.wanted, alarm)).collect();
        if more && self.left == 0 {
            let words = "还有更多，没有写入：请缩小范围或时间 / There are more, left out: ask for a shorter period or a region";
            rows.push(vec![Cell::text(words)]);
        } else if let Some(cursor) = page.next_cursor {
            let (filter, within) = (self.filter.clone(), &self.within);
            self.next = Some(self.call.alarms(filter, within, Some(&cursor), PAGE).await?);
        }
        Ok(Some(rows))
    }
}

/// `GET /alarm-export`
pub async fn alarms(call: Call) -> Answer {
    let wanted = Wanted::of(&call)?;
    let (filter, within) = call.query::<AlarmQuery>()?.filter()?;
    let turn = call.export_turn()?;
    let first = call.alarms(filter.clone(), &within, None, PAGE).await?;
    let left = if wanted.kind == Kind::Csv { CSV_ROWS_MAX } else { XLSX_ROWS_MAX };
    let name = file_name(&call, "alarms", wanted);
    let mut reader = Reader { call, wanted, filter, within, next: Some(first), left, _turn: turn };
    if wanted.kind == Kind::Csv {
        let begin = csv_begin(&[head(wanted)]);
        let (to, body) = mpsc::channel(2);
        // Ends with the last page, or when who asked has gone.
        tokio::spawn(async move {
            let mut lines = Ok(Some(begin));
            while let Ok(Some(some)) = lines {
                if to.send(Ok(some)).await.is_err() {
                    return;
                }
                lines = reader.rows().await.map(|rows| rows.map(|rows| csv_lines(&rows)));
            }
            if let Err(problem) = lines {
                // Broken off, so that nobody takes a part for the whole.
                drop(to.send(Err(std::io::Error::other(problem.message))).await);
            }
        });
        return Ok(Reply::download(Download { name, media_type: wanted.kind.media_type(), body }));
    }
    let broken = |error| Problem::internal(&error);
    let mut sheet = Xlsx::new(&wanted.word("报警", "Alarms")).map_err(broken)?;
    sheet.push(&[head(wanted)]).map_err(broken)?;
    while let Some(rows) = reader.rows().await? {
        sheet.push(&rows).map_err(broken)?;
    }
    excel(sheet, name).await
}

/// `GET /alarm-health/export`
pub async fn health(call: Call) -> Answer {
    let wanted = Wanted::of(&call)?;
    let turn = call.export_turn()?;
    let health = alarm_health::figures(&call, call.query::<HealthQuery>()?).await?;
    let name = file_name(&call, "alarm-performance", wanted);
    let period = |at: i64| Cell::text(local_time(UtcMillis(at)));
    #[allow(clippy::cast_precision_loss, reason = "counts of alarms")]
    let count = |n: usize| Cell::Number(n as f64);
    #[allow(clippy::cast_precision_loss, reason = "counts of alarms")]
    let many = |n: u64| Cell::Number(n as f64);
    #[allow(clippy::cast_precision_loss, reason = "seconds")]
    let seconds = |ms: Option<i64>| Cell::number(ms.map(|ms| ms as f64 / 1000.0));
    let line = |zh: &str, en: &str, value: Cell, target: &str| {
        vec![Cell::text(wanted.word(zh, en)), value, Cell::text(target)]
    };
    let (acknowledge, clear) = (health.to_acknowledge, health.to_clear);
    let mut rows = vec![
        line(
            "指标",
            "Figure",
            Cell::text(wanted.word("值", "Value")),
            &wanted.word("目标", "Target"),
        ),
        line("开始", "From", period(health.from), ""),
        line("结束", "To", period(health.to), ""),
        line("报警数", "Alarms", count(health.alarms), ""),
        line("每 10 分钟", "In ten minutes", Cell::Number(health.per_ten_minutes), "1 (EEMUA 191)"),
        line("每天", "A day", Cell::Number(health.per_day), "144 (IEC 62682)"),
        line("10 分钟峰值", "Peak in ten minutes", count(health.peak), "10"),
        line("泛滥次数", "Floods", count(health.floods.len()), "0"),
        line("泛滥时间占比", "Share of time in flood", Cell::Number(health.flood_share), "< 0.01"),
        line("一级", "Level 1", count(health.by_level[0]), ""),
        line("二级", "Level 2", count(health.by_level[1]), ""),
        line("三级", "Level 3", count(health.by_level[2]), ""),
        line("四级", "Level 4", count(health.by_level[3]), ""),
        line("现存", "Standing", many(health.standing), ""),
        line("陈旧", "Stale", many(health.stale), "< 5"),
        line("搁置与停用", "Shelved, out of service", many(health.quiet), ""),
        line("没有确认", "Never acknowledged", count(health.unanswered), ""),
        line(
            "确认用时中位（秒）",
            "Median to acknowledge (s)",
            seconds(acknowledge.map(|t| t.median_ms)),
            "",
        ),
        line(
            "确认用时 95%（秒）",
            "95 % to acknowledge (s)",
            seconds(acknowledge.map(|t| t.p95_ms)),
            "",
        ),
        line("恢复用时中位（秒）", "Median to return (s)", seconds(clear.map(|t| t.median_ms)), ""),
        line("恢复用时 95%（秒）", "95 % to return (s)", seconds(clear.map(|t| t.p95_ms)), ""),
        Vec::new(),
        line(
            "最频繁的报警",
            "Most frequent alarms",
            Cell::text(wanted.word("次数", "Times")),
            &wanted.word("名称", "Name"),
        ),
    ];
    for actor in &health.top {
        let name = wanted.name(&actor.subject.name);
        rows.push(vec![Cell::text(actor.alarm.as_str()), count(actor.count), name]);
    }
    drop(turn);
    if wanted.kind == Kind::Csv {
        let begin = csv_begin(&rows);
        let body = whole(begin);
        return Ok(Reply::download(Download { name, media_type: wanted.kind.media_type(), body }));
    }
    let broken = |error| Problem::internal(&error);
    let mut sheet = Xlsx::new(&wanted.word("报警绩效", "Alarm performance")).map_err(broken)?;
    sheet.push(&rows).map_err(broken)?;
    excel(sheet, name).await
}

fn csv_begin(rows: &[Vec<Cell>]) -> Bytes {
    [BYTE_ORDER_MARK.as_bytes(), &csv_lines(rows)].concat().into()
}

async fn excel(sheet: Xlsx, name: String) -> Answer {
    // Packing takes a while: not on a thread that serves others.
    let packed = tokio::task::spawn_blocking(move || sheet.finish()).await;
    let file = packed
        .map_err(|error| Problem::internal(&error))?
        .map_err(|error| Problem::internal(&error))?;
    let body = whole(file);
    Ok(Reply::download(Download { name, media_type: Kind::Xlsx.media_type(), body }))
}

/// A file that is there already.
fn whole(file: Bytes) -> mpsc::Receiver<std::io::Result<Bytes>> {
    let (to, body) = mpsc::channel(1);
    to.try_send(Ok(file)).expect("there is room for one");
    body
}

/// `alarms-20261125-143005.csv`
fn file_name(call: &Call, what: &str, wanted: Wanted) -> String {
    let now = local_time(call.now()).replace(['-', ':'], "").replace(' ', "-");
    format!("{what}-{now}.{}", wanted.kind.extension())
}
