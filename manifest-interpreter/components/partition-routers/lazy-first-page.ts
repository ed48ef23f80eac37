import { Buffer } from 'node:buffer'
import { HttpResponse } from '../../http/http-response.ts'
import { ResponseHeaders } from '../../http/response-headers.ts'
import { get } from '../../value/dict.ts'
import { dumpJson } from '../../value/json-dumps.ts'
import { PythonError } from '../../value/python-error.ts'
import { PyObject, type Value } from '../../value/value.ts'
import type { StreamSlice } from '../../value/stream-slice.ts'

/** Where a slice carries the first page of its stream. */
export const LAZY_PAGE_FIELD = 'child_response'

/** A part of a parent's record that is the body of the child's first page. */
export class LazyPage extends PyObject {
  readonly body: Value

  constructor(body: Value) {
    super({ type: 'SafeResponse' })
    this.body = body
  }
}

/** The first page of a slice whose parent has `lazy_read_pointer`, as if it were a response of the API. */
export function firstPageOf(slice: StreamSlice): HttpResponse {
  const page = get(slice.extraFields, LAZY_PAGE_FIELD)
  if (!(page instanceof LazyPage)) throw new PythonError('KeyError', `'${LAZY_PAGE_FIELD}'`)
  return new HttpResponse({
    status: 200,
    headers: new ResponseHeaders(),
    url: '',
    body: Buffer.from(dumpJson(page.body)),
  })
}
