// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';

export const VOLUME_WASM: Packed = {
  size: 1830,
  text: '}xvcp;Hypxregrz2bACGDec}3rgqrJrv|ib{.6A}{rs2j|B9hiv1EpdjrG44ugB(sm{l8=>8zA{0zqhGqi;1orzxG1yF*/61e87)wzzgGgFoo{t?F;;C:u(Gf/;jr5Cs=Ag||}wI?d24jodmqAsf<3z9{vcuCeda?6HIx(z=+0q*24C;2DJ+Fj{)Immpkj4H8Ab(DaGH@4glBd7npm{czb@,mE8vCq|A1|>HFz|-cqulJd;;evw{8|>:1evgph+s:b7m5ih|kf@@?IA-9kee>Ds=Fexeo}Byeh0|j+?,Gk}qgInq9c;mBe?vs2I8ixv|.yiJzG6082mIbF3J=-9t{3u+yx;h14=iJsuB0b3zh0gr(A|+x7+k((j-?lI}d(EDEvD<*6mGDr>mB?x2{dt@Jb|A:<0p3smF?giJrC/snwH<fm+ftEw65iw|Dec+|ob25IC}w4;7nuarf?hI+D=a3+c.D,rhj<D{p=ta|ng.of}H5(,|l,}jCtoDppph?e-92+zC/,dd;uw-.mI4Jh(m7dC}F1E+5ozjkn:J,A1(gajtzbhE93jE)b0*//o73+cz{<c-9(/jhi|-Jchy3gHh,Id@}d279ebGb,A>pmq):}5}o@i}Fl8=/A/pks88-vpp+1<kxjpq>fBA}Eovs.jbH0|Dk?}y)2(@=@,G5+Db8v=+}n7:5f47|>u=ggC)i8op=lIqaC|aD,f0FjFJapm)Gx(qqfI81u,{3+Jxh6Dwr20Fx2b4v>0/*?jk-pAnl;<H{<|A:9E06rpkemk.jylv3u9C84a<0{a>,bcm;s6o7v=uJ}nDy-i8ppo)Bp>?+3r9Gj(ni07<E1=st747J,}?-<-@89ADiFf:/j=:r6C<wiyc*3fv7JptDtgG}jb}b-r/tyI1g(6pj>@2r9<IkIe|e((4h65t)p4=}r82g:z7x?+}2C<:+m2otHF7u-1s{3k;:E4na58fGH)f,=gr:75lh8AFA*Dw3Cn<2)k=(J66*+bIs{ot2<ith:f(?z;,y1vo>o(@@zw0/r|Ir{c@{m>D9k>gvJDjkIfny:mCv:f7Bgw2zig;A5lG5fwuHDAq..Bn)<Dnxx,GDD*E(:pEuzDAntud9tqa0a(=I2hm4knClgH}z}tkk0=',
};
