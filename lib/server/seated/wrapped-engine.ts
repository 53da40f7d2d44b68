/** An engine around another one; what it does not say itself is the other one's word. */
import type {
  ByteSink,
  ConnectionInfo,
  ConnectionQuery,
  DisconnectMatch,
  EncodedAction,
  EncodedEphemeral,
  Engine,
  EngineMetrics,
  LeaseOutcome,
  LogSlice,
  MessageSink,
  PublishOutcome,
  SinkHandle,
  StreamEnd,
  StreamSpec,
} from '../../internal/engine.js';
import type { CloseReason } from '../../protocol/events.js';

export class WrappedEngine implements Engine {
  readonly kind: Engine['kind'];
  readonly broker: Engine['broker'];
  openSocket?: NonNullable<Engine['openSocket']>;
  readonly flush?: NonNullable<Engine['flush']>;
  readonly forget?: NonNullable<Engine['forget']>;
  readonly ping?: NonNullable<Engine['ping']>;

  constructor(protected readonly inner: Engine) {
    this.kind = inner.kind;
    this.broker = inner.broker;
    if (inner.openSocket) this.openSocket = (spec, fd) => inner.openSocket?.(spec, fd) ?? '';
    if (inner.flush) this.flush = inner.flush.bind(inner);
    if (inner.forget) this.forget = inner.forget.bind(inner);
    if (inner.ping) this.ping = inner.ping.bind(inner);
  }

  publish(actions: EncodedAction[]): Promise<PublishOutcome[]> {
    return this.inner.publish(actions);
  }

  ephemeral(event: EncodedEphemeral): boolean {
    return this.inner.ephemeral(event);
  }

  openSink(spec: StreamSpec, sink: ByteSink): SinkHandle {
    return this.inner.openSink(spec, sink);
  }

  openMessages(spec: StreamSpec, sink: MessageSink): SinkHandle {
    return this.inner.openMessages(spec, sink);
  }

  acquire(companyId: string, userId: string): Promise<LeaseOutcome> {
    return this.inner.acquire(companyId, userId);
  }

  release(leaseId: string): Promise<void> {
    return this.inner.release(leaseId);
  }

  readLog(companyId: string, sinceMs?: number): Promise<LogSlice> {
    return sinceMs === undefined ? this.inner.readLog(companyId) : this.inner.readLog(companyId, sinceMs);
  }

  position(companyId: string, moment?: number): string | undefined {
    return this.inner.position(companyId, moment);
  }

  companies(): string[] {
    return this.inner.companies();
  }

  moment(): number {
    return this.inner.moment();
  }

  newConnectionId(): string {
    return this.inner.newConnectionId();
  }

  watch(connectionId: string): Promise<StreamEnd> {
    return this.inner.watch(connectionId);
  }

  connections(query: ConnectionQuery): Promise<ConnectionInfo[]> {
    return this.inner.connections(query);
  }

  disconnect(match: DisconnectMatch, reason: CloseReason): Promise<number> {
    return this.inner.disconnect(match, reason);
  }

  drain(overMs: number): Promise<void> {
    return this.inner.drain(overMs);
  }

  close(): Promise<void> {
    return this.inner.close();
  }

  metrics(): EngineMetrics {
    return this.inner.metrics();
  }

  setNodes(count: number): void {
    this.inner.setNodes(count);
  }

  setResyncPaths(paths: readonly string[]): void {
    this.inner.setResyncPaths(paths);
  }
}
