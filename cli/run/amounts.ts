/** `1,234,567`. Without `Intl`, which takes 13 ms and 8 MB when it is used first (2026-11). */
export function count(value: number): string {
  return value.toFixed(0).replaceAll(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 row`, `2 rows` */
export function rows(value: number): string {
  return `${count(value)} ${value === 1 ? 'row' : 'rows'}`
}

/** `1 stream`, `2 streams` */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`
}

/** Bytes a second as decimal megabytes: `31.2 MB/s`. */
export function megabytesPerSecond(bytesPerSecond: number): string {
  return `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`
}

/** Bytes in decimal units: `31.2 MB`. */
export function size(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  for (const unit of units) {
    if (value < 1000 || unit === 'TB') return `${value.toFixed(1)} ${unit}`
    value /= 1000
  }
  return `${count(bytes)} bytes`
}

/** `4.2 s`, `3:05`, `1:02:03` */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return clock(seconds)
}

/** `0:42`, `3:05`, `1:02:03` */
export function clock(seconds: number): string {
  const whole = Math.round(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${String(minutes)}:${two(whole % 60)}`
  return `${String(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(whole % 60)}`
}
