"""Every sentence of the gate for people, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from advisor.texts import Message

_SATURATED: Final = (
    "the load generator was the limit in {share} of the judged seconds (at most {limit}): ",
    "判定时段中有 {share} 的时间（上限 {limit}）是压测机自身成为瓶颈：",
)
_SPENT: Final[Mapping[str, tuple[str, str]]] = {
    "dropped": (
        "actions that could not be started: {found} (limit {most})",
        "未能启动的动作 {found} 个（上限 {most}）",
    ),
    "faults": (
        "viewers lost to errors in surgecast itself: {found} (limit {most})",
        "因压测程序自身错误而丢失的观众 {found} 人（上限 {most}）",
    ),
    "cpu": ("use of the generator's core: {found} (limit {most})", "压测机单核占用 {found}（上限 {most}）"),
    "lag": ("late start of actions at p99: {found} (limit {most})", "动作启动滞后的 p99 为 {found}（上限 {most}）"),
    "rehomed": (
        "seconds without a lost worker's viewers: {found} (limit {most})",
        "有一个压测进程丢失，其观众缺席 {found}（上限 {most}）",
    ),
}
SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "remark_simulated": (
        "simulated, not measured: nothing was sent, the target is a model; each simulated viewer stands for {weight}",
        "模拟结果，并非实测：没有发出任何请求；目标是一个模型，每个模拟观众代表 {weight} 个观众",
    ),
    "kept": ("kept: {measured}", "达标：{measured}"),
    "kept_for": ("never broken for {span} s without pause", "没有连续 {span} 秒超标"),
    "kept_baseline": ("{change} against the baseline, {allowed} allowed", "相对基线 {change}，允许 {allowed}"),
    "broken": ("surely broken: {measured}", "确定超标：{measured}"),
    "broken_for": ("broken for {span} s without pause from second {at}", "从第 {at} 秒起连续超标 {span} 秒"),
    "broken_baseline": (
        "{change} against the baseline, {allowed} allowed; up to {noise} could be chance",
        "相对基线 {change}，允许 {allowed}；偶然波动最多 {noise}",
    ),
    "close": (
        "too close to call: the limit lies between the ends of {measured}",
        "无法判定：限值落在 {measured} 的区间之内",
    ),
    "close_baseline": (
        "too close to call: {change} against the baseline, but up to {noise} could be chance",
        "无法判定：相对基线 {change}，但偶然波动可达 {noise}",
    ),
    "noisy_baseline": (
        "too noisy to compare: a change up to {noise} could be chance",
        "噪声太大，无法比较：{noise} 以内都可能是偶然",
    ),
    "few": ("too few samples: {found}, a {stat} needs {needed}", "样本太少：{found} 个，{stat} 至少需要 {needed} 个"),
    "few_seconds": (
        "too few seconds: {found}, how they vary shows in {needed} or more",
        "时间太短：只有 {found} 秒，至少 {needed} 秒才能看出波动",
    ),
    "nothing": ("nothing was recorded of {metric} in the judged seconds", "判定时段内没有 {metric} 的记录"),
    "incomplete": ("the run is not whole: {ending}", "运行不完整：{ending}"),
    "aborted": ("the run was ended early, before this could be judged", "运行被提前终止，无法判定"),
    **{f"saturated_{kind}": (f"{_SATURATED[0]}{en}", f"{_SATURATED[1]}{zh}") for kind, (en, zh) in _SPENT.items()},
    "short_load": (
        "the load was not reached: {found} viewers present on average, {planned} planned",
        "未达到计划负载：平均在线 {found} 人，计划 {planned} 人",
    ),
    "generator_broken": (
        "the load generator broke its own budget, so the run says little of the target: {why}",
        "压测机超出了自身的预算，这次运行难以说明目标的表现：{why}",
    ),
    "no_baseline": ("no baseline run was given", "没有提供基线运行"),
    "bad_baseline": ("baseline run {run} cannot be used: {why}", "基线运行 {run} 不可用：{why}"),
    "do_longer": (
        "measure about {times} times as many samples (a longer phase or more viewers), or move the limit",
        "把样本量增加到约 {times} 倍（更长的阶段或更多观众），或调整限值",
    ),
    "do_more_baselines": (
        "give more baseline runs, a longer phase, or allow more (for a small share: percentage points, such as 0.5pp)",
        "增加基线运行次数、延长阶段，或放宽允许值（小比例请用百分点，例如 0.5pp）",
    ),
    "do_samples": (
        "judge a longer phase, more viewers or a lower percentile",
        "延长阶段、增加观众，或改用更低的百分位",
    ),
    "do_repeat": ("repeat the run and let it end by itself", "重新运行，并让它自然结束"),
    "do_generator": (
        "use more generator processes or fewer viewers, and stop other work on the generator's machine",
        "增加压测进程或减少观众，并停止压测机上的其他任务",
    ),
    "do_load": (
        "find out why viewers are missing (gave up? joined late?), or plan a smaller surge",
        "查明观众缺失的原因（放弃观看？加入过慢？），或降低计划负载",
    ),
    "not_told": ("this file does not hold {metric}", "该文件没有 {metric}"),
    "not_reported": ("this file reports no {stat} (it has {known})", "该文件没有给出 {stat}（已有 {known}）"),
    "mean_reported": (
        "a reported mean says nothing of how sure it is",
        "工具只给出平均值，无法判断其把握程度",
    ),
    "no_noise": (
        "a reported figure has no interval: what is chance and what is a change cannot be told",
        "工具只给出该数值而没有区间，无法区分偶然波动与真实变化",
    ),
    "remark_all_seconds": (
        "The file has no phases: all of its {seconds} seconds are judged, its own warm-up and ramp included.",
        "该文件没有阶段：全部 {seconds} 秒都参与判定，包括预热与爬升。",
    ),
    "remark_totals": (
        "The file holds totals only: all of the test is judged, its own warm-up and ramp included.",
        "该文件只有总计：整个测试都参与判定，包括预热与爬升。",
    ),
    "remark_unwatched": (
        "Not known of a {tool} file: whether the planned load was reached, and whether the generator was the limit.",
        "{tool} 文件不记录计划负载和压测机状态：是否达到计划负载、压测机是否成为瓶颈，均无从得知。",
    ),
    "remark_reported": (
        "What {tool} only reports has the reported percentiles around it as its ends (requests taken as independent).",
        "{tool} 只给出结果的数值以相邻的百分位为区间两端（假定各请求相互独立）。",
    ),
    "do_k6_json": (
        "record every request (k6 run --out json=FILE), or move the limit",
        "记录每个请求（k6 run --out json=FILE），或调整限值",
    ),
    "do_k6_trend": (
        "have it reported with k6 run --summary-trend-stats, or record every request (--out json=FILE)",
        "用 k6 run --summary-trend-stats 让 k6 给出该值，或记录每个请求（--out json=FILE）",
    ),
    "do_k6_url": (
        "segments and playlists are told by their address: keep k6's system tag url, and let the test run to its end",
        "分片与播放列表按地址区分：请保留 k6 的系统标签 url，并让测试运行到结束",
    ),
    "do_jmeter": (
        "record with jmeter.save.saveservice.url, .latency and .bytes set to true",
        "录制时将 jmeter.save.saveservice.url、.latency 与 .bytes 设为 true",
    ),
    "do_locust": (
        "Locust keeps no samples: move the limit, or rehearse with surgecast, k6 (--out json) or JMeter (JTL)",
        "Locust 不保留样本：请调整限值，或改用 surgecast、k6（--out json）或 JMeter（JTL）",
    ),
    "do_locust_full": (
        "record without --csv-full-history, which keeps percentiles of the last ten seconds only",
        "录制时不要使用 --csv-full-history：它只保留最近十秒的百分位",
    ),
    "do_locust_percentile": (
        "ask for one that it has, or add it to locust.stats.PERCENTILES_TO_REPORT in the locustfile",
        "改用已有的百分位，或在 locustfile 中把它加入 locust.stats.PERCENTILES_TO_REPORT",
    ),
    "do_baseline": ("add --baseline RUN, a run of the same scenario", "添加 --baseline RUN（同一场景的一次运行）"),
}

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "PASS": ("PASS", "通过"),
    "FAIL": ("FAIL", "未通过"),
    "INVALID": ("INVALID", "无效"),
    "verdict": ("verdict", "结论"),
    "budget": ("budget", "预算"),
    "where": ("where", "范围"),
    "limit": ("limit", "限值"),
    "measured": ("measured (90% interval)", "实测（90% 区间）"),
    "baseline": ("against the baseline", "相对基线"),
    "worst": ("worst second", "最差的一秒"),
    "course": ("course", "走势"),
    "second": ("s", "秒"),
    "sum": (
        "{passed} of {all} budgets kept, {failed} broken, {invalid} could not be judged",
        "共 {all} 项预算：{passed} 项达标，{failed} 项超标，{invalid} 项无法判定",
    ),
    "runs": ("run {runs} ({seconds} s, {ending})", "运行 {runs}（{seconds} 秒，{ending}）"),
    "file": ("{tool} file {runs} ({seconds} s)", "{tool} 文件 {runs}（{seconds} 秒）"),
    "totals": ("{tool} file {runs} (totals)", "{tool} 文件 {runs}（总计）"),
    "beside": ("; baseline: {runs}", "；基线：{runs}"),
}


def label(key: str, lang: str, **values: str) -> str:
    """A word or a line of the reports."""
    return LABELS[key][lang == "zh"].format_map(values)


def plain(text: str) -> str:
    """On one line, without control characters, which a terminal would obey; `advisor.pages` brings all advice."""
    return "".join(letter for letter in text if letter.isprintable())


def say(key: str, **values: str) -> Message:
    """A message; its text is the English sentence. ``why`` may be the key of another, with its values among these."""
    return Message(key=key, values=values, text=_filled(key, values, "en"))


def told(message: Message, lang: str) -> str:
    """A message in one language."""
    return _filled(message.key, message.values, lang)


def _filled(key: str, values: Mapping[str, str], lang: str) -> str:
    if (why := values.get("why", "")) in SENTENCES:
        values = {**values, "why": SENTENCES[why][lang == "zh"].format_map(values)}
    return SENTENCES[key][lang == "zh"].format_map(values)
