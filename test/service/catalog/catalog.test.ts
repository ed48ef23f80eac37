import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { connectorOf } from '../../../connectors/registry.ts'
import { FolderCatalogService } from '../../../service/catalog/catalog-service.ts'
import { newFolder } from '../../support/new-folder.ts'
import { typesWithActions } from '../../support/types-with-actions.ts'

let folder: string
beforeEach(async () => {
  folder = await newFolder('catalog')
})

async function imported(name: string, text?: string): Promise<void> {
  await mkdir(join(folder, name))
  const file = join(folder, name, 'manifest.yaml')
  if (text !== undefined) await writeFile(file, text)
  else await cp(new URL('../../fakes/crm.yaml', import.meta.url).pathname, file)
}

describe('the catalog', () => {
  it('lists native, bundled and imported connectors by name', async () => {
    await imported('crm')
    const entries = await new FolderCatalogService(folder).list()
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'crm', title: 'CRM', kind: 'imported' }),
    )
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'postgres', title: 'PostgreSQL', kind: 'native' }),
    )
    expect(entries).toContainEqual(
      expect.objectContaining({ type: 'nasa', title: 'NASA', kind: 'bundled' }),
    )
    const types = entries.map(({ type }) => type)
    expect(types).toEqual(types.toSorted())
  })

  it('sees what was imported since, lists what is broken, and leaves out what is half there', async () => {
    const catalog = new FolderCatalogService(folder)
    await expect(catalog.get('crm')).rejects.toMatchObject({
      code: 'unknown_connector',
      suggestedFix: expect.stringContaining('catalog import airbyte:crm`') as unknown,
    })
    await expect(catalog.get('postgress')).rejects.toMatchObject({
      suggestedFix: expect.stringContaining('Did you mean `postgres`?') as unknown,
    })
    await imported('crm')
    await imported('broken', 'type: [')
    await imported('.new.unfinished')
    expect((await catalog.get('crm')).type).toBe('crm')
    expect(await catalog.list()).toContainEqual(
      expect.objectContaining({
        type: 'broken',
        title: 'broken',
        kind: 'imported',
      }),
    )
    expect((await catalog.list()).map(({ type }) => type)).not.toContain('.new.unfinished')
    await expect(catalog.get('broken')).rejects.toMatchObject({ code: 'manifest_invalid' })
  })

  it('lists which connectors have actions, without loading these', async () => {
    const { actions } = await connectorOf('stripe')
    if (actions === undefined) throw new Error('stripe has no actions')
    const load = vi.spyOn(actions, 'load')
    const catalog = new FolderCatalogService(folder)
    const listed = await catalog.list()
    expect(listed.filter(({ hasActions }) => hasActions).map(({ type }) => type)).toEqual(
      await typesWithActions(),
    )
    expect(load).not.toHaveBeenCalled()
    expect((await catalog.get('stripe')).actions.length).toBeGreaterThan(0)
    expect(load).toHaveBeenCalled()
  })

  it('finds nothing outside of its folder', async () => {
    await imported('crm')
    const catalog = new FolderCatalogService(join(folder, 'crm', '..', 'inner'))
    await mkdir(join(folder, 'inner'))
    for (const type of ['../crm', '..', '.', '', 'crm/', '/etc', '..\\crm', 'crm\0'])
      await expect(catalog.get(type), type).rejects.toMatchObject({ code: 'unknown_connector' })
  })

  it('works without a folder', async () => {
    const catalog = new FolderCatalogService(join(folder, 'none'))
    expect((await catalog.get('faker')).title).toBe('Faker')
  })

  it('describes the OAuth of a manifest', async () => {
    await imported('crm')
    const { auth } = await new FolderCatalogService(folder).get('crm')
    expect(auth).toMatchObject([
      {
        kind: 'oauth2',
        scopes: ['openid', 'offline_access', 'read'],
        fields: {
          clientId: '/credentials/client_id',
          clientSecret: '/credentials/client_secret',
          answer: { refresh_token: '/credentials/refresh_token' },
        },
        templates: { userInput: { base_url: '/base_url' }, expiryKey: 'expires_in' },
      },
    ])
  })
})
