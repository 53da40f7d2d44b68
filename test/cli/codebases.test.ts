/** The audit on code bases in many styles, against what a person found in each (`codebases/*.truth.ts`). */
import path from 'node:path';
import { audit } from '../../lib/cli/audit/index.js';
import { differences } from './codebases/check.js';
import type { Truth } from './codebases/truth.js';
import { truth as agencyWrappers } from './codebases/agency-wrappers.truth.js';
import { truth as assistantSdk } from './codebases/assistant-sdk.truth.js';
import { truth as blogT3 } from './codebases/blog-t3.truth.js';
import { truth as bookingHandlers } from './codebases/booking-handlers.truth.js';
import { truth as brokenFile } from './codebases/broken-file.truth.js';
import { truth as chessTraps } from './codebases/chess-traps.truth.js';
import { truth as clinicServices } from './codebases/clinic-services.truth.js';
import { truth as crudFactory } from './codebases/crud-factory.truth.js';
import { truth as dialects } from './codebases/dialects.truth.js';
import { truth as eventsBus } from './codebases/events-bus.truth.js';
import { truth as farmTransactions } from './codebases/farm-transactions.truth.js';
import { truth as forumMiddleware } from './codebases/forum-middleware.truth.js';
import { truth as gymMixed } from './codebases/gym-mixed.truth.js';
import { truth as hotelPathcast } from './codebases/hotel-pathcast.truth.js';
import { truth as ledgerSql } from './codebases/ledger-sql.truth.js';
import { truth as nestClasses } from './codebases/nest-classes.truth.js';
import { truth as podcastShapes } from './codebases/podcast-shapes.truth.js';
import { truth as rentalPaths } from './codebases/rental-paths.truth.js';
import { truth as salonChatbot } from './codebases/salon-chatbot.truth.js';
import { truth as schoolSwitchTools } from './codebases/school-switch-tools.truth.js';
import { truth as shopMonorepo } from './codebases/shop-monorepo.truth.js';
import { admin, truth as twoApps } from './codebases/two-apps.truth.js';
import { truth as warehouseJs } from './codebases/warehouse-js.truth.js';

const FOLDER = path.join(__dirname, '../fixtures/codebases');

const TRUTHS: Record<string, Truth> = {
  'agency-wrappers': agencyWrappers,
  'assistant-sdk': assistantSdk,
  'blog-t3': blogT3,
  'booking-handlers': bookingHandlers,
  'broken-file': brokenFile,
  'chess-traps': chessTraps,
  'clinic-services': clinicServices,
  'crud-factory': crudFactory,
  dialects: dialects,
  'events-bus': eventsBus,
  'farm-transactions': farmTransactions,
  'forum-middleware': forumMiddleware,
  'gym-mixed': gymMixed,
  'hotel-pathcast': hotelPathcast,
  'ledger-sql': ledgerSql,
  'nest-classes': nestClasses,
  'podcast-shapes': podcastShapes,
  'rental-paths': rentalPaths,
  'salon-chatbot': salonChatbot,
  'school-switch-tools': schoolSwitchTools,
  'shop-monorepo': shopMonorepo,
  'two-apps': twoApps,
  'warehouse-js': warehouseJs,
};

test.each(Object.entries(TRUTHS))('%s', (name, truth) => {
  const report = audit(path.join(FOLDER, name));
  expect(differences(report, truth)).toEqual([]);
});

test('two-apps: the other router, when it is asked for', () => {
  const report = audit(path.join(FOLDER, 'two-apps'), { router: 'src/admin/router.ts' });
  expect(differences(report, admin)).toEqual([]);
});
