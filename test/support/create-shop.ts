import type { TestApi } from './test-api.ts'

/**
 * An instance `source`, and a connection `shop` that is inactive, copies `orders` and `users`, and finds rows
 * at its destination: a run inserts one order, updates one and deletes one.
 */
export async function createShop({ database, service }: TestApi): Promise<void> {
  await database.query(`
    CREATE TABLE public.orders (id bigint PRIMARY KEY, note text);
    INSERT INTO public.orders VALUES (1, 'same'), (2, 'new'), (4, 'another');
    CREATE TABLE public.users (id bigint PRIMARY KEY);
    CREATE SCHEMA shop;
    CREATE TABLE shop.orders (
      _airbyte_extracted_at timestamptz, _airbyte_generation_id bigint, _airbyte_raw_id uuid, _airbyte_meta jsonb,
      id bigint PRIMARY KEY, note text
    );
    INSERT INTO shop.orders (id, note) VALUES (1, 'same'), (2, 'old'), (3, 'gone')`)
  const config = { ...database.address, schemas: ['public'] }
  await service.instances.create({ name: 'source', type: 'postgres', config })
  const streams = ['orders', 'users'].map((name) => {
    return { name, syncMode: 'full_refresh', destinationSyncMode: 'overwrite_dedup' } as const
  })
  await service.connections.create({
    name: 'shop',
    from: 'source',
    destination: 'data:shop',
    streams,
  })
}
