import type { SandboxFindings } from '../../service/sandboxes/schema.ts'

/** Everything that a report may hold, once. */
export function sampleReport(id: string, limitRows: number): SandboxFindings {
  const cost = { rows: 250, bytes: 12_000, requests: null, seconds: 1.5 }
  return {
    ...{ id, schema: `reactor_sandbox_${id}`, limit_rows: limitRows, status: 'partial' },
    seconds: 0.8,
    streams: [
      {
        ...{ name: 'orders', namespace: 'public', mode: 'append_dedup', sync_mode: 'incremental' },
        ...{ primary_key: [['id']], cursor_field: ['updated_at'] },
        last_settings: {
          ...{ mode: 'append_dedup', sync_mode: 'incremental' },
          ...{ primary_key: [['number']], cursor_field: ['updated_at'] },
        },
        table: { schema: 'shop', name: 'orders' },
        ...{ read: 100, rejected: 1, complete: false },
        declared_schema: { type: 'object' },
        inferred_schema: { type: 'object' },
        schema_mismatches: [
          { field: 'age', kind: 'type', declared: 'bigint', found: ['string'], records: 4 },
          { field: 'colour', kind: 'undeclared', declared: null, found: ['string'], records: 2 },
        ],
        sample_rows: [
          { id: '1', note: 'first' },
          { id: '2', note: null },
        ],
        row_examples: {
          inserted: [{ id: '61', note: 'new', total: '9' }],
          changed: [
            {
              key: { id: '7' },
              cells: [
                { column: 'note', from: 'old', to: 'new' },
                { column: 'total', from: '12', to: null },
              ],
            },
          ],
          deleted: [{ id: '3' }],
        },
        diff_vs_current: {
          table_exists: true,
          added_columns: [{ name: 'note', type: 'text' }],
          removed_columns: [{ name: 'old', type: 'boolean' }],
          own_columns: [{ name: 'reviewed', type: 'boolean' }],
          type_changes: [{ name: 'total', from: 'bigint', to: 'numeric' }],
          rows: { insert: 60, update: 40, unchanged: 0, delete: 1 },
          at_least: ['insert', 'update', 'unchanged', 'delete'],
          table_rows: { rows: 5_000, exact: false },
          estimated_delete: null,
          nulled_values: [{ column: 'total', rows: 3 }],
          reset_values: [{ column: 'reviewed', rows: 1 }],
          dependent_rows: [
            {
              ...{ schema: 'shop', table: 'lines', constraint: 'lines_order_fkey' },
              ...{ action: 'deleted', rows: 2 },
            },
          ],
          dependent_views: [{ schema: 'reporting', name: 'by_day', columns: ['id', 'total'] }],
        },
        estimated_cost: cost,
        warnings: ['the source counts slowly'],
      },
      {
        ...{ name: 'users', mode: 'overwrite', sync_mode: 'full_refresh' },
        ...{ primary_key: [], cursor_field: [], last_settings: null },
        table: { schema: 'shop', name: 'users' },
        ...{ read: 5, rejected: 0, complete: true },
        ...{ declared_schema: {}, inferred_schema: null, schema_mismatches: [], sample_rows: [] },
        row_examples: { inserted: [], changed: [], deleted: [] },
        diff_vs_current: {
          table_exists: false,
          added_columns: [{ name: 'id', type: 'bigint' }],
          ...{ removed_columns: [], own_columns: [], type_changes: [] },
          ...{ nulled_values: [], reset_values: [], dependent_rows: [], dependent_views: [] },
          rows: { insert: 5, update: 0, unchanged: 0, delete: 0 },
          ...{ at_least: [], table_rows: null, estimated_delete: null },
        },
        estimated_cost: { rows: 5, bytes: 100, requests: null, seconds: 0.1 },
        warnings: [],
      },
    ],
    schema_drift: {
      policy: 'propagate',
      changes: [
        {
          ...{ name: 'orders', namespace: 'public', change: 'changed', columns_left: 0 },
          added_columns: [{ name: 'note', type: 'string' }],
          removed_columns: [{ name: 'old', type: 'boolean' }],
          type_changes: [{ name: 'total', from: 'integer', to: 'number' }],
          primary_key: { from: [['number']], to: [['id']] },
          ...{ cursor: null, sync_modes: null },
        },
      ],
      ...{ total: 1, ignored_run: null },
    },
    totals: {
      ...{ streams: 2, failed: 0, cut: 1, read: 105 },
      rows: { insert: null, update: null, unchanged: null, delete: null },
      rows_at_least: { insert: 65, update: 40, unchanged: 0, delete: 1 },
      estimated_cost: cost,
    },
  }
}
