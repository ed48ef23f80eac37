import { describe, expect, test } from 'vitest'
import { reportText } from '../../cli/connections/sandbox-lines.ts'
import { reportMarkdown } from '../../cli/connections/sandbox-markdown.ts'
import type { SandboxReportDocument } from '../../cli/connections/sandbox-facts.ts'
import { isWithoutChange } from '../../cli/connections/sandbox-view.ts'
import { plainPaint } from '../../cli/output/paint.ts'
import { sampleReport } from './sample-report.ts'

type Stream = SandboxReportDocument['streams'][number]

const sample = JSON.parse(JSON.stringify(sampleReport('sbx_1', 100))) as SandboxReportDocument
const [orders, users] = sample.streams
if (orders?.diff_vs_current === undefined || users?.diff_vs_current === undefined)
  throw new Error('the sample has two streams')
const ordersDiff = orders.diff_vs_current

const quiet: Stream = {
  ...orders,
  complete: true,
  last_settings: null,
  rejected: 0,
  schema_mismatches: [],
  warnings: [],
  row_examples: { inserted: [], changed: [], deleted: [] },
  diff_vs_current: {
    ...ordersDiff,
    added_columns: [],
    removed_columns: [],
    type_changes: [],
    at_least: [],
    nulled_values: [],
    reset_values: [],
    dependent_rows: [],
    rows: { insert: 0, update: 0, unchanged: 100, delete: 0 },
  },
}

function reportOf(
  streams: readonly Stream[],
  more: Partial<SandboxReportDocument> = {},
): SandboxReportDocument {
  const rows = { insert: 0, update: 0, unchanged: 0, delete: 0 }
  return {
    ...sample,
    streams: [...streams],
    schema_drift: null,
    totals: { ...sample.totals, streams: streams.length, cut: 0, rows, rows_at_least: rows },
    ...more,
  }
}

const text = (report: SandboxReportDocument): string =>
  reportText(report, { paint: plainPaint, columns: undefined })

describe('the report of a sandbox', () => {
  test('begins with what changes and what is lost, and shows values before and after', () => {
    expect(text(sample)).toBe(`\
2 of 2 streams change: at least 65 rows inserted, at least 40 updated, at least 1 deleted

  !  public.orders  at least 1 row deleted: id=3
  !  public.orders  total: 3 values are there now and become NULL
  !  public.orders  reviewed: 1 value of a column that the source does not have is replaced by its default
  !  public.orders  2 rows of shop.lines are deleted too (foreign key lines_order_fkey)
  !  public.orders  1 record rejected

The source is not as approved. The next run follows it:
  public.orders  column added    note              string
  public.orders  column removed  old               boolean
  public.orders  type changed    total             integer -> number
  public.orders  primary key     (number) -> (id)

~ public.orders -> shop.orders  incremental, append_dedup, key (id), cursor updated_at, 100 read, not to the end
  ~  settings      its last run had key (number)
  +  column        note  text
  ~  column        total  bigint becomes numeric
  -  column        old  boolean: no longer in the stream; stays, new rows have NULL
     1 own column  reviewed: not in the stream; stays
     view          reporting.by_day reads id, total
     rows          of the first 100 records: 60 inserted, 40 updated, 0 unchanged, 1 deleted (the table has about 5,000 rows now)
  ~  id=7          note: old -> new, total: 12 -> NULL
  -  row           id=3
  +  row           id=61 note=new total=9
  !  other type    age: bigint declared, string in 4 records
  !  not declared  colour: string in 2 records; not loaded
  !  warning       the source counts slowly

+ users -> shop.users  full_refresh, overwrite, 5 read
  +  table   new
  +  column  id  bigint
     rows    5 inserted, 0 updated, 0 unchanged, 0 deleted

105 records read in 0.8 s, at most 100 of a stream (1 stream cut)
a whole run: about 250 records, 1.5 s
`)
  })

  test('folds streams that stay, and the columns of Airbyte', () => {
    const others = ['a', 'b', 'c'].map((name) => ({ ...quiet, name }))
    const added = ['_airbyte_raw_id', '_airbyte_meta', 'id'].map((name) => ({ name, type: 'text' }))
    const made = {
      ...users,
      sample_rows: [{ id: '1', name: null }],
      diff_vs_current: { ...ordersDiff, ...users.diff_vs_current, added_columns: added },
    } as Stream
    expect(text(reportOf([...others, made], { seconds: 61 }))).toBe(`\
1 of 4 streams changes: 0 rows inserted, 0 updated, 0 deleted

+ users -> shop.users  full_refresh, overwrite, 5 read
  +  table      new
  +  column     id  text
  +  2 columns  _airbyte_…
     rows       5 inserted, 0 updated, 0 unchanged, 0 deleted
  1 of 1 sample rows:
    id  name
    1   NULL

unchanged: public.a, public.b, public.c

105 records read in 1:01
a whole run: about 250 records, 1.5 s
`)
  })

  test('of an overwrite that was cut says what may be deleted, and claims no zero', () => {
    const cut: Stream = {
      ...quiet,
      mode: 'overwrite',
      sync_mode: 'full_refresh',
      cursor_field: [],
      complete: false,
      diff_vs_current: {
        ...ordersDiff,
        ...quiet.diff_vs_current,
        own_columns: [],
        dependent_views: [],
        rows: { insert: 0, update: 0, unchanged: 100, delete: null },
        at_least: ['insert', 'update', 'unchanged'],
        table_rows: { rows: 5000, exact: true },
        estimated_delete: 4850,
      },
    }
    const rows = { insert: null, update: null, unchanged: null, delete: null }
    const totals = { ...reportOf([cut]).totals, cut: 1, rows }
    const report = reportOf([cut], { totals })
    expect(text(report).split('\n\n').slice(0, 3).join('\n\n')).toBe(`\
1 of 1 stream not read to the end: inserted: not known, updated: not known, deleted: not known

  !  public.orders  about 4,850 of the 5,000 rows of the table would be deleted, by the source’s own estimate

? public.orders -> shop.orders  full_refresh, overwrite, key (id), 100 read, not to the end
    rows  of the first 100 records: 0 inserted, 0 updated, 100 unchanged, deleted: not known (the table has 5,000 rows now)`)
    expect(isWithoutChange(report)).toBe(false)
  })

  test('of a stream that would fail says so first, with the way out', () => {
    const failed: Stream = {
      ...quiet,
      error: {
        ...{
          code: 'destination_constraint_violated',
          message: 'it is so',
          failure_type: 'config_error',
        },
        suggested_fix: 'Relax it.',
        docs_url: 'docs/errors/x.md',
      },
    }
    const [headline, alarms] = text(reportOf([failed])).split('\n\n')
    expect(headline).toMatch(/^1 of 1 stream cannot run: /)
    expect(alarms).toBe(`\
  !  public.orders  cannot run: it is so [destination_constraint_violated]
                    Relax it.`)
  })

  test('counts as unchanged only what was read to its end', () => {
    const open: Stream = { ...quiet, name: 'big', complete: false }
    const [headline] = text(reportOf([quiet, open])).split('\n\n')
    expect(headline).toMatch(/^No change in 1 of 2 streams, 1 not read to the end: /)
  })

  test('says of a value that a column cannot hold what it knows, without a gap', () => {
    const mismatch: Stream['schema_mismatches'][number] = {
      field: 'v',
      kind: 'type',
      declared: 'string',
      found: [],
      records: 1,
    }
    const shown = text(reportOf([{ ...quiet, schema_mismatches: [mismatch] }]))
    expect(shown).toContain('v: string declared, the column cannot hold the value of 1 record')
  })

  test('under ignore shows what the next run does beside what promoting does', () => {
    const kept = {
      ...quiet,
      primary_key: [['number']],
      warnings: ['The key (number) is not unique'],
    }
    const drift: SandboxReportDocument['schema_drift'] = {
      policy: 'ignore',
      total: 2,
      changes: [
        {
          name: 'newt',
          namespace: null,
          change: 'added',
          columns_left: 0,
          added_columns: [],
          removed_columns: [],
          type_changes: [],
          primary_key: null,
          cursor: null,
          sync_modes: null,
        },
        {
          name: 'gone',
          namespace: null,
          change: 'removed',
          columns_left: 0,
          added_columns: [],
          removed_columns: [],
          type_changes: [],
          primary_key: null,
          cursor: null,
          sync_modes: null,
        },
      ],
      ignored_run: { streams: [kept], unread: [{ name: 'newt' }], error: null },
    }
    expect(text(reportOf([quiet], { schema_drift: drift }))).toBe(`\
No change in 1 stream: 0 rows inserted, 0 updated, 0 deleted

  !  gone  is gone from the source: it is no longer read, its table stays

The source is not as approved. Runs ignore that. Promoting approves it, and the streams below show what a promoted run does:
  newt  stream added
  gone  stream removed
While the change is ignored, the next run does this:
     newt           is not read
     public.orders  key (number): 0 inserted, 0 updated, 100 unchanged, 0 deleted
  !  public.orders  The key (number) is not unique

unchanged: public.orders

105 records read in 0.8 s
a whole run: about 250 records, 1.5 s
`)
    expect(isWithoutChange(reportOf([quiet], { schema_drift: drift }))).toBe(false)
    expect(isWithoutChange(reportOf([quiet]))).toBe(true)
  })

  test('in Markdown is a headline, fences that GitHub colours, and folded streams', () => {
    const odd = { ...quiet, name: 'a`|<b>@team', warnings: ['has ``` in it'] }
    expect(reportMarkdown(reportOf([odd, quiet]), 'my_shop')).toBe(`\
### Sandbox of <code>my&#95;shop</code>

**No change in 2 streams: 0 rows inserted, 0 updated, 0 deleted**

<details><summary><code>public.a&#96;&#124;&lt;b&gt;&#64;team -&gt; shop.orders</code> incremental, append&#95;dedup, key (id), cursor updated&#95;at, 100 read</summary>

\`\`\`\`diff
   1 own column  reviewed: not in the stream; stays
   view          reporting.by_day reads id, total
   rows          0 inserted, 0 updated, 100 unchanged, 0 deleted (the table has about 5,000 rows now)
!  warning       has \`\`\` in it
\`\`\`\`

</details>

Unchanged: <code>public.orders</code>

105 records read in 0.8 s<br>
a whole run: about 250 records, 1.5 s
`)
  })
})

function withoutTable(stream: Stream): Stream {
  const parts = Object.entries(stream).filter(
    ([name]) => !['table', 'diff_vs_current'].includes(name),
  )
  return Object.fromEntries(parts) as Stream
}

describe('the report of a sandbox of topics', () => {
  const toTopic: Stream = {
    ...withoutTable(quiet),
    complete: false,
    messages: {
      topic: 'shop.orders',
      topic_exists: false,
      format: 'json',
      envelope: 'row',
      compared_with: 'nothing',
      rows: 99,
      deletes: 1,
      bytes: 5_000,
      partitions: [40, 60],
      samples: [
        { partition: 1, key: '{"id":1}', value: '{"id":1,"total":9}' },
        { partition: 0, key: '{"id":2}', value: null },
      ],
    },
  }

  test('shows the messages, and says that nothing is compared', () => {
    const report = reportOf([toTopic], { schema: null })
    expect(text(report)).toContain(`\
1 of 1 stream changes: 99 rows and 1 deletion would be sent, compared with nothing

+ public.orders -> topic shop.orders  incremental, append_dedup, key (id), cursor updated_at, 100 read, not to the end
  +  topic     new
     messages  of the first 100 records: 99 rows, 1 deletion (json)
     compared  with nothing: a topic is not read back
  +  message   1: {"id":1} {"id":1,"total":9}
  -  message   0: {"id":2} no value: deleted
`)
    expect(reportMarkdown(report, 'shop')).toContain('99 rows and 1 deletion would be sent')
    expect(isWithoutChange(report)).toBe(false)
  })

  test('is without change if an incremental read finds nothing', () => {
    const nothing = { rows: 0, deletes: 0, bytes: 0, partitions: [0, 0], samples: [] }
    const messages = toTopic.messages && { ...toTopic.messages, ...nothing, topic_exists: true }
    const stream = { ...toTopic, read: 0, complete: true, ...(messages && { messages }) }
    expect(isWithoutChange(reportOf([stream]))).toBe(true)
    // The end of an overwrite may delete keys.
    expect(isWithoutChange(reportOf([{ ...stream, mode: 'overwrite_dedup' }]))).toBe(false)
  })
})
