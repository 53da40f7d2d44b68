import { readdirSync, readFileSync, realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';

/** Paths of the audit are written with `/` on every platform, as the compiler writes them. */
export const slash = (file: string): string => file.replaceAll('\\', '/');

export const join = (...parts: string[]): string => slash(path.join(...parts));
export const dirname = (file: string): string => slash(path.dirname(file));

/** Whether `file` is `folder` or lies below it. */
export const isBelow = (file: string, folder: string): boolean =>
  file === folder || file.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

/** What a link leads to; undefined where that is nothing, or the link itself. */
function behindLink(link: string): Stats | undefined {
  try {
    return statSync(link, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

/** Text of a file in UTF-8, or in UTF-16 with a byte order mark. */
function textOf(bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.subarray(2).toString('utf16le');
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return Buffer.from(bytes.subarray(2, bytes.length - (bytes.length % 2))).swap16().toString('utf16le');
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

/** A file system that is read once: folders are listed on the first question about them. */
export class Disk {
  private readonly listings = new Map<string, ReadonlyMap<string, 'file' | 'folder' | 'link'>>();
  private readonly json = new Map<string, unknown>();

  /** What a folder holds, by name; empty where it cannot be read. `link`: a symbolic link to a folder. */
  list(folder: string): ReadonlyMap<string, 'file' | 'folder' | 'link'> {
    const known = this.listings.get(folder);
    if (known) return known;
    const listing = new Map<string, 'file' | 'folder' | 'link'>();
    try {
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isFile()) listing.set(entry.name, 'file');
        else if (entry.isDirectory()) listing.set(entry.name, 'folder');
        else if (entry.isSymbolicLink()) {
          const target = behindLink(path.join(folder, entry.name));
          if (target) listing.set(entry.name, target.isDirectory() ? 'link' : 'file');
        }
      }
    } catch {
      // Not there, or not ours to read: it holds nothing for us.
    }
    this.listings.set(folder, listing);
    return listing;
  }

  isFile(file: string): boolean {
    return this.list(dirname(file)).get(path.basename(file)) === 'file';
  }

  isFolder(folder: string): boolean {
    const kind = this.list(dirname(folder)).get(path.basename(folder));
    return kind === 'folder' || kind === 'link';
  }

  /** Undefined where it cannot be read. */
  read(file: string): string | undefined {
    try {
      return textOf(readFileSync(file));
    } catch {
      return undefined;
    }
  }

  /** In bytes; 0 where it cannot be read. */
  size(file: string): number {
    return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  }

  real(file: string): string {
    try {
      return slash(realpathSync(file));
    } catch {
      return file;
    }
  }

  /** A JSON object, or undefined where there is none. */
  readJson(file: string): Record<string, unknown> | undefined {
    if (!this.json.has(file)) {
      let value: unknown;
      try {
        value = this.isFile(file) ? JSON.parse(this.read(file) ?? '') : undefined;
      } catch {
        // A broken package.json names no package.
      }
      this.json.set(file, value);
    }
    const value = this.json.get(file);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  }
}
