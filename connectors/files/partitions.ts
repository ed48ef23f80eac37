/** Hive's name for a partition without a value. */
const noValue = '__HIVE_DEFAULT_PARTITION__'
const partition = /^([^=/]+)=([^/]*)$/

/** The values that the folders of a path name: `dt=2026-01-01/part.jsonl`. */
export function partitionsIn(path: string): Readonly<Record<string, string | null>> {
  const folders = path.split('/').slice(0, -1)
  const found = folders.flatMap((folder) => {
    const [, name = '', value = ''] = partition.exec(folder) ?? []
    return name === '' ? [] : [[name, value === noValue ? null : decoded(value)] as const]
  })
  return Object.fromEntries(found)
}

/** Hive escapes characters as URLs do. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch (error) {
    if (error instanceof URIError) return value
    throw error
  }
}
