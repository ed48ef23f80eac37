import { expect, test } from 'vitest'
import type { HttpRequest } from '../../../manifest-interpreter/http/http-request.ts'
import { redirected } from '../../../manifest-interpreter/http/redirect.ts'
import { ResponseHeaders } from '../../../manifest-interpreter/http/response-headers.ts'

function moved(status: number, method: string, body: string | null) {
  const request: HttpRequest = {
    method,
    url: 'https://api.shop.example/orders/1',
    headers: new Map([['Authorization', 'Bearer t']]),
    body,
    staysWhole: true,
  }
  const headers = new ResponseHeaders([['Location', 'https://api.shop.example/orders/2']])
  return () => redirected(request, { status, headers })
}

test('a request that must stay whole follows a redirect that keeps its method and body', () => {
  expect(moved(307, 'POST', '{}')()).toMatchObject({ method: 'POST', body: '{}' })
  expect(moved(308, 'PATCH', '{}')()).toMatchObject({ method: 'PATCH', body: '{}' })
  expect(moved(301, 'DELETE', null)()).toMatchObject({ method: 'DELETE' })
})

test('a redirect that drops the body or changes the method of such a request is refused', () => {
  const reason = /orders\/1 has moved to https:\/\/api\.shop\.example\/orders\/2/
  expect(moved(301, 'POST', '{}')).toThrow(reason)
  expect(moved(301, 'PATCH', '{}')).toThrow(reason)
  expect(moved(302, 'DELETE', null)).toThrow(reason)
  expect(moved(303, 'PUT', '{}')).toThrow(reason)
})
