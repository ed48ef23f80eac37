import { expect, test } from 'vitest'
import { TemplateCompiler } from '../../../manifest-interpreter/interpolation/template-compiler.ts'
import { StreamSlice } from '../../../manifest-interpreter/value/stream-slice.ts'

const compiler = new TemplateCompiler({ nowMicros: () => 0, uuid: () => '' })
const slice = new StreamSlice({
  partition: { parent_id: 'p' },
  cursorSlice: { start: '2025' },
  extraFields: { name: 'n' },
})

test.each([
  ['{{ stream_slice.parent_id }}-{{ stream_slice["start"] }}', 'p-2025'],
  ['{{ stream_partition.parent_id }} {{ stream_interval.start }}', 'p 2025'],
  ['{{ stream_slice.partition }}', { parent_id: 'p' }],
  ['{{ stream_slice.cursor_slice.start ~ "!" }}', '2025!'],
  ['{{ stream_slice.extra_fields["name"] }}', 'n'],
  ['{{ stream_slice.get("parent_id") ~ stream_slice.get("x", "y") }}', 'py'],
  ['{{ stream_slice.keys() | list }}', ['parent_id', 'start']],
  ['{{ "name" in stream_slice }}', false],
  ['{{ stream_slice }}', { parent_id: 'p', start: '2025' }],
])('the template %s sees the slice as Python does', (template, value) => {
  expect(compiler.string(template)({ config: {}, stream_slice: slice })).toEqual(value)
})

test('a partition and a cursor cannot share a key', () => {
  expect(() => new StreamSlice({ partition: { a: 1 }, cursorSlice: { a: 2 } })).toThrow('overlap')
})
