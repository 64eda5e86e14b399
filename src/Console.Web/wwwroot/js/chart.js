// One module for all charts: init, append, dispose. The library is loaded with the first chart.
const charts = new Map();
let library = null;

const number = (value, digits) => value.toLocaleString('en', { maximumFractionDigits: digits });
const units = {
  Number: v => number(v, 2),
  Milliseconds: v => v >= 10000 ? `${number(v / 1000, 1)} s` : `${number(v, v < 10 ? 1 : 0)} ms`,
  Seconds: v => v === 0 ? '0' : v < 1 ? `${number(v * 1000, 0)} ms` : v < 120 ? `${number(v, 1)} s` : `${number(v / 60, 1)} min`,
  Bytes: v => { let u = 0; while (Math.abs(v) >= 1024 && u < 4) { v /= 1024; u++; } return `${number(v, 1)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][u]}`; },
  Percent: v => `${number(v, 3)} %`,
  PerSecond: v => `${number(v, 1)} /s`,
};

const token = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const isDark = () => getComputedStyle(document.documentElement).colorScheme.trim() === 'dark';

function look() {
  return {
    theme: { mode: isDark() ? 'dark' : 'light' },
    colors: [1, 2, 3, 4, 5, 6].map(i => token(`--series-${i}`)),
    chart: { foreColor: token('--muted'), background: 'transparent' },
    grid: { borderColor: token('--line') },
  };
}

function options(chart) {
  const write = units[chart.options.unit] ?? units.Number;
  const style = look();
  return {
    ...style,
    chart: {
      ...style.chart, type: 'line', height: chart.options.height, fontFamily: 'inherit', animations: { enabled: false }, toolbar: { show: false }, zoom: { enabled: false },
      parentHeightOffset: 0,
    },
    series: chart.series,
    stroke: { width: 2, curve: 'straight', dashArray: chart.series.map((_, i) => [0, 6, 2, 10, 4, 8][i % 6]) },
    markers: { size: chart.series.every(s => s.data.length < 4) ? 4 : 0, hover: { size: 4 } },
    dataLabels: { enabled: false },
    legend: { show: true, showForSingleSeries: true, position: 'bottom', horizontalAlign: 'left' },
    noData: { text: 'No samples in this range' },
    xaxis: { type: 'datetime', min: chart.options.from ?? undefined, max: chart.options.to ?? undefined, labels: { datetimeUTC: false }, tooltip: { enabled: false }, axisBorder: { show: false } },
    yaxis: { ...(chart.options.fromZero ? { min: 0 } : { min: least => Math.min(99, Math.floor(least)), max: 100 }), forceNiceScale: chart.options.fromZero, labels: { minWidth: 56, formatter: v => v == null ? '' : write(v) }, ...(chart.options.limit != null && { max: m => Math.max(m, chart.options.limit) * 1.05 }) },
    annotations: chart.options.limit == null ? {} : { yaxis: [{ y: chart.options.limit, borderColor: token('--failed'), strokeDashArray: 4, label: { text: chart.options.limitText, position: 'left', textAnchor: 'start', style: { background: 'transparent', color: token('--failed') }, borderWidth: 0 } }] },
    tooltip: { x: { formatter: ms => `${new Date(ms).toLocaleString()} · ${new Date(ms).toISOString().slice(11, 19)}Z` }, y: { formatter: v => v == null ? 'no samples' : write(v) } },
  };
}

export async function init(element, settings, series) {
  library ??= (await import(settings.library)).default;
  if (!element.isConnected) return;
  const chart = { options: settings, series, drawing: null };
  charts.get(element)?.drawing?.destroy();
  charts.set(element, chart);
  chart.drawing = new library(element, options(chart));
  await chart.drawing.render();
}

export function append(element, at, values) {
  const chart = charts.get(element);
  if (!chart) return;
  chart.series.forEach((series, i) => {
    series.data.push([at, values[i] ?? null]);
    while (series.data.length > 2 && series.data[0][0] < at - chart.options.windowMs) series.data.shift();
  });
  if (!document.hidden) chart.drawing.updateSeries(chart.series, false);
}

export function dispose(element) {
  charts.get(element)?.drawing?.destroy();
  charts.delete(element);
}

function repaint() {
  for (const chart of charts.values()) chart.drawing?.updateOptions(options(chart), true, false);
}
window.addEventListener('opsconsole-theme', repaint);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
