import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { codesByArea } from '../../protocol/errors/codes.ts'
import { ConnectError, errorCodes, type ErrorCode } from '../../protocol/index.ts'

const page = (area: string): string => readFileSync(`docs/errors/${area}.md`, 'utf8')

describe('the table of error codes', () => {
  it.each(Object.entries(codesByArea))('is sorted by name in its area: %s', (_, codes) => {
    expect(Object.keys(codes)).toEqual(Object.keys(codes).toSorted())
  })

  it('tells a client that asks the API apart from what a source or a destination refuses', () => {
    const { source, destination } = codesByArea
    for (const [code, { httpStatus }] of Object.entries({ ...source, ...destination }))
      if (/^(source|destination)_/.test(code))
        expect([401, 403, 404], code).not.toContain(httpStatus)
  })

  it('names a thing that exists without an article, which depends on the word', () => {
    const details = { kind: 'instance', name: 'shop' }
    const { message } = new ConnectError('name_taken', { details })
    expect(message).toBe('The instance shop already exists')
  })

  it('has each code in one area', () => {
    const names = Object.values(codesByArea).flatMap((codes) => Object.keys(codes))
    expect(names.toSorted()).toEqual(Object.keys(errorCodes).toSorted())
  })

  describe.each<[string, ErrorCode]>(Object.entries(errorCodes))('%s', (code, entry) => {
    it('has a message and a fix that say what to do, and a legal status', () => {
      expect(code).toMatch(/^[a-z][a-z0-9_]*$/)
      expect(entry.message.length).toBeGreaterThan(5)
      expect(entry.suggestedFix.length).toBeGreaterThan(2)
      expect(entry.httpStatus).toBeGreaterThanOrEqual(400)
      expect(entry.httpStatus).toBeLessThan(600)
    })
  })

  it.each(Object.entries(codesByArea))(
    'promises of the next run only what holds in every sync mode, an overwrite starts over: %s',
    (area, codes) => {
      const promise =
        /(?:goes|go|reads|resumes|continues|starts) (?:on )?(?:again )?from (?:the|its|their) last checkpoint/
      const fixes = Object.values<ErrorCode>(codes).map(({ suggestedFix }) => suggestedFix)
      expect([page(area), ...fixes].join(' ')).not.toMatch(promise)
    },
  )
})

describe('a ConnectError', () => {
  const by = 'run 7, which process 1 on alpha started'
  const error = new ConnectError('fenced', {
    details: { connection: 'shop', stream: 'orders', by },
  })

  it('fills the holes of its message from the details', () => {
    expect(error.message).toBe(
      `Stream orders of connection shop was taken over by ${by}; this run loads no more of it`,
    )
    expect(error.retryable).toBe(false)
    expect(error.failureType).toBe('transient_error')
  })

  it('survives the way across a thread as data', () => {
    const again = ConnectError.fromJSON(structuredClone(error.toJSON()))
    expect(again.toJSON()).toEqual(error.toJSON())
    expect(again).toBeInstanceOf(ConnectError)
  })

  it('wraps what is not one as unexpected, with its cause', () => {
    const cause = new TypeError('boom')
    const wrapped = ConnectError.from(cause)
    expect(wrapped.code).toBe('unexpected')
    expect(wrapped.cause).toBe(cause)
    expect(wrapped.message).toContain('boom')
    expect(ConnectError.from(error)).toBe(error)
  })
})
