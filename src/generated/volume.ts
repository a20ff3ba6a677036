// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const VOLUME_WASM: Packed = {
  size: 1830,
  after: CORE_WASM,
  text: 'zAgd,wIB+m+*lqx17j@h?Jcujbe}9p:ume=k-pAczr>3>:-FGc?(tIrx5nH*v68c|s:Jxw.D9@@>wve{}@:>?gb=jj7<Arc<a{)@<cuJpch1{8bh8x;uIu;D3@@u|m}iJ?@w}))b6rEG5(7)Anbfx<.D+0<,2jJlkCf*,a5Ish;}l{{)FkFH=;hf6Awb9br?tH94id.3lgkg<,Gpo2H+AA(b8bHJEqs6=DHlhEl{|GH?qy<Haw?-rtvgEb7):x063;C-D.1xj+4@wpG?t1j:GJc}6a2I|GjeF)/n+{/Dnv=:>FGc{}J0ca+<10d.jc-}Cqqi96-@e?54q-82jEss:*s/d.vJF.kstAw*atcm@JsIn@}r<Gq3b(609pEusey4.jtdEpE>BHpx8HmkqEzo-EJjunrFBo8<p/?Cp+6D9IgeFn-H<gCwpD;n/8aax<d6=0dr}eqBzr:cI<a@l*p7pIn=okn3A@aix93p:(D2/u5jw9l)JGsH-v1>hEu;H-jrEt--bJiaJ)1;+bAfj1-}Gs7Fr)jf}}{Bo7xwp@)b@sBAH<s@;:idr-lH:i,<)gesdft=>y4@3FBG}dkr+y/@uDjy3r6xuDl<.8sFABfFo?1d=fDq4>z,}6GC}+D8|Buvb>A>l=gqhAfkm{dts,0;05sI>dlEw=|3>3==rD1>4tp/x:;1xgyJHlxqFgf9yHCcwp+}7zrrpg/,mD?E?c>p*hn',
};
