import type { NextConfig } from 'next';

const nextConfig: NextConfig = {
  // Bundled, pathcast could not load its native engine: an addon cannot be packed.
  serverExternalPackages: ['pathcast'],
};

export default nextConfig;
