import { errorCodeOf } from '../../lib/files/error-code.ts'
import { ConnectError } from '../../protocol/index.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'the user of this process may not write into it',
  EPERM: 'the file system does not allow it (hard links are needed)',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the user is used up',
  ENOTDIR: 'a part of its path is a file',
  EMFILE: 'this process has too many open files',
}

/** Does work in a folder. An error of the file system becomes `destination_folder_unusable`. */
export async function inFolder<Result>(
  folder: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const code = errorCodeOf(error)
    if (error instanceof ConnectError || code === undefined) throw error
    const reason = reasons[code] ?? code
    throw new ConnectError('destination_folder_unusable', {
      details: { folder, reason },
      cause: error,
    })
  }
}
