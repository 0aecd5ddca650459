/**
 * The uv that is fetched when none is found: its version, and the SHA-256 of its wheel per platform. These
 * digests win over anything that an index says (security.md S26).
 */

/** Version of the pinned uv. */
export const UV_VERSION = '0.13.8';

/** One published wheel. */
export interface UvWheel {
  readonly fileName: string;
  readonly sha256: string;
}

/** Wheels by our target names. */
export const UV_WHEELS: Readonly<Record<string, UvWheel>> = {
  linux_amd64: {
    fileName: 'uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    sha256: 'e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984',
  },
  linux_amd64_musl: {
    fileName: 'uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl',
    sha256: '29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a',
  },
  linux_arm64: {
    fileName: 'uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl',
    sha256: '0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d',
  },
  linux_arm64_musl: {
    fileName: 'uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl',
    sha256: '0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d',
  },
  darwin_amd64: {
    fileName: 'uv-0.13.8-py3-none-macosx_10_12_x86_64.whl',
    sha256: 'b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1',
  },
  darwin_arm64: {
    fileName: 'uv-0.13.8-py3-none-macosx_11_0_arm64.whl',
    sha256: '62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49',
  },
  windows_amd64: {
    fileName: 'uv-0.13.8-py3-none-win_amd64.whl',
    sha256: 'cfbc13020a64cdf2f116d2936824c38edbf41e5c07f1ea291baf02e31ebf3ed0',
  },
  windows_arm64: {
    fileName: 'uv-0.13.8-py3-none-win_arm64.whl',
    sha256: 'b4184029b1b7c54409b9cd4372c73a36ef9c2d1d7cf3b0aca59c8b1932f041dc',
  },
};
