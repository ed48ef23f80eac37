import type { Action } from '../../action.ts'
import { createAttachment } from './attachments.ts'
import { createComment, deleteComment, updateComment } from './comments.ts'
import {
  addLabel,
  archiveIssue,
  createIssue,
  getIssue,
  removeLabel,
  unarchiveIssue,
  updateIssue,
} from './issues.ts'
import { createLabel } from './labels.ts'
import { listLabels, listTeams, listUsers, listWorkflowStates, searchIssues } from './lists.ts'
import { createProject, updateProject } from './projects.ts'

/** In the order of the documentation. */
export const linearActions: readonly Action[] = [
  createIssue,
  updateIssue,
  archiveIssue,
  unarchiveIssue,
  addLabel,
  removeLabel,
  getIssue,
  searchIssues,
  createComment,
  updateComment,
  deleteComment,
  createProject,
  updateProject,
  createAttachment,
  createLabel,
  listTeams,
  listUsers,
  listWorkflowStates,
  listLabels,
]
