import { notFound, type Vendor } from './vendor-api.ts'

/** Rates by currency, then by day or month: `{ USD: { '2025-02-28': 1.04 } }`. */
export type Rates = Readonly<Record<string, Record<string, number>>>

/** The ECB's data portal: CSV, and a 404 if a window has no rate. */
export function ecb(rates: Rates): Vendor {
  return ({ host, path, query }) => {
    const series = /^\/service\/data\/EXR\/([DM])\.([A-Z]{3})\.EUR\.SP00\.A$/.exec(path)
    const isCsv = query.get('format') === 'csvdata'
    if (host !== 'data-api.ecb.europa.eu' || series === null || !isCsv) return notFound
    const [, frequency = '', currency = ''] = series
    const period = frequency === 'D' ? /^\d{4}-\d{2}-\d{2}$/ : /^\d{4}-\d{2}$/
    const window = windowOf(query)
    if (!period.test(window.from) || !period.test(window.to))
      return { status: 400, body: 'Bad period' }
    const lines = Object.entries(rates[currency] ?? {})
      .filter(([date]) => period.test(date) && isWithin(date, window))
      .map(([date, rate]) => line(`${frequency},${currency}`, date, rate))
    if (lines.length === 0) return { status: 404, body: 'No results found.' }
    return { body: header + lines.join(''), headers: { 'content-type': 'text/csv' } }
  }
}

interface Window {
  readonly from: string
  readonly to: string
}

function windowOf(query: URLSearchParams): Window {
  return { from: query.get('startPeriod') ?? '', to: query.get('endPeriod') ?? '' }
}

function isWithin(date: string, { from, to }: Window): boolean {
  return date >= from && date <= to
}

function line(series: string, date: string, rate: number): string {
  const key = `EXR.${series.replace(',', '.')}.EUR.SP00.A`
  return `${key},${series},EUR,SP00,A,${date},${String(rate)}\r\n`
}

const header = 'KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE\r\n'
