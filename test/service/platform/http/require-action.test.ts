import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { requireAction } from '../../../../service/platform/http/require-action.ts'

describe('a route', () => {
  test('without an action stops the start', () => {
    const app = fastify()
    app.addHook('onRoute', requireAction)
    app.get('/a', { config: { action: 'catalog:read' } }, () => '')
    app.get('/b', { config: { anonymous: true } }, () => '')
    expect(() => app.post('/c', () => '')).toThrow('POST /c has no action')
  })
})
